// The adapter hop with Go's standard library alone: what benchmarks/hop.py compares ours with.
//
// It reads and verifies a signed message, looks at its members, signs it anew, sends it on over kept
// connections and relays the answer. Leaner than a node: no JSON Schema (a few members are looked
// at), json.Unmarshal's lenient reading, one known key, no memory of what came before, no bounds but
// the body's; SHA-512 stands where Beckn has BLAKE2b-512, which the standard library lacks.
// adapter_schema.go puts schema and digest in, from modules.
//
//	adapter PORT TARGET SENDER_PUBLIC_KEY SEED [SCHEMA]
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const bodyMax = 1 << 20

var (
	digest = func(body []byte) [64]byte { return sha512.Sum512(body) }
	named  = "SHA-512"
	check  = looked
	sender ed25519.PublicKey
	own    ed25519.PrivateKey
	target string
	client = &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
)

func main() {
	runtime.GOMAXPROCS(1)
	sender = decoded(os.Args[3])
	own = ed25519.NewKeyFromSeed(decoded(os.Args[4]))
	target = os.Args[2]
	http.HandleFunc("/on_confirm", pass)
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

func decoded(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

func pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err == nil {
		err = admitted(r.Header.Get("Authorization"), body)
	}
	if err != nil {
		http.Error(w, `{"message":{"ack":{"status":"NACK"}}}`, http.StatusBadRequest)
		return
	}
	answer, err := forwarded(body)
	if err != nil {
		http.Error(w, `{"message":{"ack":{"status":"NACK"}}}`, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

// admitted says what is wrong with a message: its signature, its time, its form.
func admitted(header string, body []byte) error {
	given := parameters(header)
	created, _ := strconv.ParseInt(given["created"], 10, 64)
	expires, _ := strconv.ParseInt(given["expires"], 10, 64)
	now := time.Now().Unix()
	if created > now+5 || expires < now || expires-created > 3600 {
		return errors.New("not of this time")
	}
	signature, err := base64.StdEncoding.DecodeString(given["signature"])
	if err != nil || !ed25519.Verify(sender, signed(created, expires, body), signature) {
		return errors.New("not signed")
	}
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil {
		return err
	}
	return check(document)
}

func parameters(header string) map[string]string {
	given := make(map[string]string, 6)
	for _, part := range strings.Split(strings.TrimPrefix(header, "Signature "), ",") {
		name, value, _ := strings.Cut(part, "=")
		given[name] = strings.Trim(value, `"`)
	}
	return given
}

// looked checks some members by hand, where a node validates against the schema of its action.
func looked(document map[string]any) error {
	context, _ := document["context"].(map[string]any)
	for _, name := range []string{"domain", "action", "version", "bap_id", "bap_uri", "bpp_id",
		"bpp_uri", "transaction_id", "message_id", "timestamp"} {
		if text, ok := context[name].(string); !ok || text == "" {
			return errors.New("context lacks " + name)
		}
	}
	message, _ := document["message"].(map[string]any)
	order, _ := message["order"].(map[string]any)
	if _, ok := order["id"].(string); !ok || context["action"] != "on_confirm" {
		return errors.New("there is no order")
	}
	return nil
}

func signed(created, expires int64, body []byte) []byte {
	sum := digest(body)
	return fmt.Appendf(nil, "(created): %d\n(expires): %d\ndigest: %s=%s",
		created, expires, named, base64.StdEncoding.EncodeToString(sum[:]))
}

// forwarded sends the body on, signed by us, and gives the answer back.
func forwarded(body []byte) ([]byte, error) {
	created := time.Now().Unix()
	signature := ed25519.Sign(own, signed(created, created+60, body))
	request, err := http.NewRequest("POST", target+"/on_confirm", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", fmt.Sprintf(
		`Signature keyId="adapter.example|k1|ed25519",algorithm="ed25519",created="%d",`+
			`expires="%d",headers="(created) (expires) digest",signature="%s"`,
		created, created+60, base64.StdEncoding.EncodeToString(signature)))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, bodyMax))
}
