CREATE TABLE body (
    id INTEGER NOT NULL, 
    bytes BLOB NOT NULL, 
    PRIMARY KEY (id)
)
 STRICT

CREATE TABLE conversation (
    id INTEGER NOT NULL, 
    peer_id TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    next_n INTEGER NOT NULL, 
    PRIMARY KEY (id), 
    UNIQUE (transaction_id, peer_id)
)
 STRICT

CREATE TABLE journey (
    id TEXT NOT NULL, 
    secret_hash BLOB NOT NULL, 
    kind TEXT NOT NULL, 
    domain TEXT NOT NULL, 
    dialect TEXT NOT NULL, 
    city TEXT NOT NULL, 
    country TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    state TEXT NOT NULL, 
    version INTEGER NOT NULL, 
    intent BLOB NOT NULL, 
    offer_id TEXT, 
    bpp_id TEXT, 
    order_id TEXT, 
    return_price_minor INTEGER, 
    pickup_code TEXT, 
    quote BLOB, 
    quote_stage TEXT, 
    quote_at INTEGER, 
    form BLOB, 
    party BLOB, 
    consented BLOB, 
    granted BLOB, 
    pending BLOB, 
    agreed_fee_minor INTEGER, 
    order_message BLOB, 
    fee BLOB, 
    asked_update BLOB, 
    tracking BLOB, 
    choices BLOB, 
    support BLOB, 
    ratings BLOB, 
    error BLOB, 
    created_at INTEGER NOT NULL, 
    updated_at INTEGER NOT NULL, 
    PRIMARY KEY (id), 
    UNIQUE (transaction_id)
)
 STRICT

CREATE INDEX ix_journey_order_id ON journey (order_id)

CREATE INDEX ix_journey_updated_at ON journey (updated_at)

CREATE TABLE web_form_sent (
    who TEXT NOT NULL, 
    form_id TEXT NOT NULL, 
    location TEXT, 
    at INTEGER NOT NULL, 
    PRIMARY KEY (who, form_id)
)
 STRICT

CREATE INDEX ix_web_form_sent_at ON web_form_sent (at)

CREATE TABLE web_kept_form (
    id TEXT NOT NULL, 
    face TEXT NOT NULL, 
    who TEXT NOT NULL, 
    fields BLOB NOT NULL, 
    ends_at INTEGER NOT NULL, 
    PRIMARY KEY (id)
)
 STRICT

CREATE INDEX ix_web_kept_form_ends_at ON web_kept_form (ends_at)

CREATE TABLE web_paced (
    "key" BLOB NOT NULL, 
    full_at_ms INTEGER NOT NULL, 
    PRIMARY KEY ("key")
)
 STRICT

CREATE INDEX ix_web_paced_full_at_ms ON web_paced (full_at_ms)

CREATE TABLE web_session (
    token_hash BLOB NOT NULL, 
    face TEXT NOT NULL, 
    who TEXT NOT NULL, 
    created_at INTEGER NOT NULL, 
    seen_at INTEGER NOT NULL, 
    ends_at INTEGER NOT NULL, 
    flash TEXT, 
    PRIMARY KEY (token_hash)
)
 STRICT

CREATE INDEX web_session_by_end ON web_session (ends_at)

CREATE TABLE web_sign_in_code (
    id TEXT NOT NULL, 
    face TEXT NOT NULL, 
    phone TEXT NOT NULL, 
    code_hash BLOB, 
    tries INTEGER NOT NULL, 
    ends_at INTEGER NOT NULL, 
    PRIMARY KEY (id)
)
 STRICT

CREATE INDEX ix_web_sign_in_code_ends_at ON web_sign_in_code (ends_at)

CREATE INDEX web_sign_in_code_of ON web_sign_in_code (face, phone)

CREATE TABLE call (
    message_id TEXT NOT NULL, 
    journey_id TEXT NOT NULL, 
    action TEXT NOT NULL, 
    bpp_id TEXT, 
    soft INTEGER NOT NULL, 
    opened_at INTEGER NOT NULL, 
    expires_at INTEGER NOT NULL, 
    outcome TEXT, 
    chase_at INTEGER, 
    chases INTEGER NOT NULL, 
    PRIMARY KEY (message_id), 
    FOREIGN KEY(journey_id) REFERENCES journey (id) ON DELETE CASCADE
)
 STRICT

CREATE INDEX ix_call_chase_at ON call (chase_at)

CREATE INDEX ix_call_journey_id ON call (journey_id)

CREATE TABLE complaint (
    id INTEGER NOT NULL, 
    journey_id TEXT NOT NULL, 
    about TEXT NOT NULL, 
    text TEXT NOT NULL, 
    made_at INTEGER NOT NULL, 
    due_at INTEGER NOT NULL, 
    answer TEXT, 
    answered_at INTEGER, 
    PRIMARY KEY (id), 
    FOREIGN KEY(journey_id) REFERENCES journey (id) ON DELETE CASCADE
)
 STRICT

CREATE INDEX ix_complaint_journey_id ON complaint (journey_id)

CREATE TABLE journey_event (
    journey_id TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (journey_id, n), 
    FOREIGN KEY(journey_id) REFERENCES journey (id) ON DELETE CASCADE
)
 STRICT

CREATE TABLE offer (
    journey_id TEXT NOT NULL, 
    offer_id TEXT NOT NULL, 
    bpp_id TEXT NOT NULL, 
    document BLOB NOT NULL, 
    at INTEGER NOT NULL, 
    PRIMARY KEY (journey_id, offer_id), 
    FOREIGN KEY(journey_id) REFERENCES journey (id) ON DELETE CASCADE
)
 STRICT

CREATE TABLE owed (
    id INTEGER NOT NULL, 
    conversation_id INTEGER NOT NULL, 
    receiver_id TEXT NOT NULL, 
    url TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    action TEXT NOT NULL, 
    message_id TEXT NOT NULL, 
    body_id INTEGER, 
    created_at INTEGER NOT NULL, 
    expires_at INTEGER, 
    give_up_at INTEGER NOT NULL, 
    next_at INTEGER NOT NULL, 
    tries INTEGER NOT NULL, 
    faults INTEGER NOT NULL, 
    state TEXT NOT NULL, 
    supersedes TEXT, 
    error TEXT, 
    trace TEXT, 
    PRIMARY KEY (id), 
    CHECK (state IN ('pending', 'sent', 'parked', 'superseded', 'expired')), 
    UNIQUE (conversation_id, n), 
    FOREIGN KEY(conversation_id) REFERENCES conversation (id), 
    CHECK (state <> 'pending' OR body_id IS NOT NULL)
)
 STRICT

CREATE INDEX owed_due ON owed (receiver_id, next_at, id) WHERE state = 'pending'

CREATE INDEX owed_give_up ON owed (give_up_at) WHERE state = 'pending'

CREATE INDEX owed_kept ON owed (created_at) WHERE body_id IS NOT NULL

CREATE INDEX owed_order ON owed (conversation_id, n) WHERE state = 'pending'

CREATE INDEX owed_supersedes ON owed (supersedes, receiver_id) WHERE state = 'pending' AND supersedes IS NOT NULL

CREATE TABLE received (
    id INTEGER NOT NULL, 
    conversation_id INTEGER NOT NULL, 
    sender_id TEXT NOT NULL, 
    action TEXT NOT NULL, 
    message_id TEXT NOT NULL, 
    callback_hash TEXT NOT NULL, 
    digest TEXT NOT NULL, 
    body_id INTEGER, 
    authorization TEXT, 
    sender TEXT NOT NULL, 
    gateway TEXT, 
    received_at INTEGER NOT NULL, 
    state TEXT NOT NULL, 
    tries INTEGER NOT NULL, 
    next_at INTEGER NOT NULL, 
    error TEXT, 
    trace TEXT, 
    PRIMARY KEY (id), 
    UNIQUE (sender_id, action, message_id, callback_hash), 
    CHECK (state <> 'new' OR body_id IS NOT NULL), 
    FOREIGN KEY(conversation_id) REFERENCES conversation (id), 
    CHECK (state IN ('new', 'handled', 'parked'))
)
 STRICT

CREATE INDEX received_due ON received (next_at, id) WHERE state = 'new'

CREATE INDEX received_kept ON received (received_at) WHERE body_id IS NOT NULL

CREATE INDEX received_of ON received (conversation_id, id)

CREATE INDEX received_waiting ON received (conversation_id, id) WHERE state = 'new'

CREATE TABLE trip (
    journey_id TEXT NOT NULL, 
    owner TEXT NOT NULL, 
    share_token TEXT, 
    PRIMARY KEY (journey_id), 
    FOREIGN KEY(journey_id) REFERENCES journey (id) ON DELETE CASCADE, 
    UNIQUE (share_token)
)
 STRICT

CREATE INDEX ix_trip_owner ON trip (owner)

CREATE TABLE answered (
    message_id TEXT NOT NULL, 
    bpp_id TEXT NOT NULL, 
    times INTEGER NOT NULL, 
    digests BLOB NOT NULL, 
    PRIMARY KEY (message_id, bpp_id), 
    FOREIGN KEY(message_id) REFERENCES call (message_id) ON DELETE CASCADE
)
 STRICT
