"""A slip as a W3C verifiable credential (VC Data Model 2.0), proof of cryptosuite eddsa-jcs-2022.

The issuer is the did:key of the ledger key: who checks it needs nobody's server, and the witness
names that very key. Everything around the slip follows from the slip, so that nothing can be said
there that the slip does not say.
"""

from datetime import UTC, datetime
from typing import Any

from protocol_specs.wire import data_integrity
from protocol_specs.wire.data_integrity import BadProof
from protocol_specs.wire.keys import SigningKey

CONTEXT: list[Any] = [
    "https://www.w3.org/ns/credentials/v2",
    {
        # The project owns no domain, hence urns. @json: the slip's own ids are no terms of this.
        "DeductionSlip": "urn:x-wayfare:DeductionSlip",
        "FeeSlip": "urn:x-wayfare:FeeSlip",
        "slip": {"@id": "urn:x-wayfare:slip", "@type": "@json"},
        "inclusion": {"@id": "urn:x-wayfare:inclusion", "@type": "@json"},
    },
]
TYPES = {"deduction_slip": "DeductionSlip", "fee_slip": "FeeSlip"}
_PROOF = {
    "type",
    "cryptosuite",
    "verificationMethod",
    "proofPurpose",
    "@context",
    "proofValue",
}


def issue(slip: dict[str, Any], inclusion: object, key: SigningKey) -> dict[str, Any]:
    """The credential of a slip that was checked, signed by the ledger key; the same each time.

    `inclusion` is the proof of the slip's file, or "pending".
    """
    method = data_integrity.did_key_method(key.public)
    return data_integrity.secure(unsecured(slip, inclusion, key.public), key, method=method)


def unsecured(slip: dict[str, Any], inclusion: object, public: bytes) -> dict[str, Any]:
    """The credential without its proof."""
    issued_at = datetime.fromtimestamp(slip["issued_at"], UTC)
    return {
        "@context": CONTEXT,
        "id": f"urn:x-wayfare:slip:{slip['slip_id']}",
        "type": ["VerifiableCredential", TYPES[slip["kind"]]],
        "issuer": {"id": data_integrity.did_key(public), "name": slip["issuer"]},
        "validFrom": issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "description": slip["says"],
        "credentialSubject": {"slip": slip, "inclusion": inclusion},
    }


def verify(credential: dict[str, Any], public: bytes) -> dict[str, Any]:
    """The credential without its proof, once `public` is known to have signed it, else BadProof."""
    proof = credential.get("proof")
    if not isinstance(proof, dict) or proof.keys() != _PROOF:
        raise BadProof(f"proof: it has exactly {', '.join(sorted(_PROOF))}")
    if proof["verificationMethod"] != data_integrity.did_key_method(public):
        raise BadProof("proof.verificationMethod: it is not the ledger key's")
    return data_integrity.verify(credential, public)
