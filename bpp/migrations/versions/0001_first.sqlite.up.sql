CREATE TABLE account (
    id TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    number INTEGER NOT NULL, 
    worker TEXT, 
    scheme TEXT, 
    period TEXT, 
    remittance TEXT, 
    PRIMARY KEY (id, currency)
)
 STRICT

CREATE INDEX account_of_worker ON account (worker)

CREATE TABLE agent_attribution (
    scheme TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    agent TEXT NOT NULL, 
    first_day TEXT NOT NULL, 
    last_day TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    PRIMARY KEY (scheme, worker, n), 
    CHECK (kind IN ('claimed', 'released', 'refused'))
)
 STRICT

CREATE INDEX attribution_of_agent ON agent_attribution (scheme, agent)

CREATE TABLE bank_file_read (
    sha256 TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    bank_id TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    words TEXT NOT NULL, 
    PRIMARY KEY (sha256)
)
 STRICT

CREATE TABLE block (
    number INTEGER NOT NULL, 
    leaf_count INTEGER NOT NULL, 
    sealed_at INTEGER NOT NULL, 
    head BLOB NOT NULL, 
    signature BLOB NOT NULL, 
    PRIMARY KEY (number), 
    CHECK (leaf_count > 0)
)
 STRICT

CREATE TABLE body (
    id INTEGER NOT NULL, 
    bytes BLOB NOT NULL, 
    PRIMARY KEY (id)
)
 STRICT

CREATE TABLE cash_notice (
    worker TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    state TEXT NOT NULL, 
    owed_minor INTEGER NOT NULL, 
    limit_minor INTEGER, 
    text TEXT NOT NULL, 
    PRIMARY KEY (worker, n), 
    CHECK (state IN ('reached', 'below'))
)
 STRICT

CREATE TABLE closed_period (
    scheme TEXT NOT NULL, 
    period TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    remittance TEXT NOT NULL, 
    PRIMARY KEY (scheme, period), 
    UNIQUE (remittance)
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

CREATE TABLE coverage_answer (
    id TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    document BLOB NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (id)
)
 STRICT

CREATE INDEX ix_coverage_answer_worker ON coverage_answer (worker)

CREATE TABLE coverage_revoked (
    answer TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    from_at INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (answer, scheme)
)
 STRICT

CREATE TABLE declared_part (
    scheme TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    origin TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    remittance TEXT, 
    entry TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    worker_minor INTEGER NOT NULL, 
    remitted_minor INTEGER NOT NULL, 
    remitted_worker_minor INTEGER NOT NULL, 
    excess_minor INTEGER NOT NULL, 
    credit_worker_minor INTEGER NOT NULL, 
    credit_own_minor INTEGER NOT NULL, 
    PRIMARY KEY (scheme, worker, origin, n), 
    UNIQUE (remittance, worker, origin, kind), 
    CHECK (kind IN ('declared', 'rejected', 'returned', 'carried'))
)
 STRICT

CREATE TABLE dispatch_candidate (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    agent_id TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    PRIMARY KEY (order_key, n, agent_id)
)
 STRICT

CREATE INDEX dispatch_of_agent ON dispatch_candidate (agent_id, at)

CREATE TABLE dispatch_offer (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    agent_id TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    expires_at INTEGER NOT NULL, 
    outcome TEXT, 
    ended_at INTEGER, 
    PRIMARY KEY (order_key, n), 
    CHECK (outcome IN ('accepted', 'declined', 'expired', 'withdrawn'))
)
 STRICT

CREATE INDEX dispatch_offer_age ON dispatch_offer (at)

CREATE UNIQUE INDEX one_offer_per_agent ON dispatch_offer (agent_id) WHERE outcome IS NULL

CREATE UNIQUE INDEX one_offer_per_job ON dispatch_offer (order_key) WHERE outcome IS NULL

CREATE INDEX open_offers ON dispatch_offer (expires_at) WHERE outcome IS NULL

CREATE TABLE dispatch_round (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (order_key, n)
)
 STRICT

CREATE INDEX dispatch_round_age ON dispatch_round (at)

CREATE TABLE driver_job (
    order_key TEXT NOT NULL, 
    agent_id TEXT NOT NULL, 
    ended_at INTEGER NOT NULL, 
    fare_minor INTEGER NOT NULL, 
    PRIMARY KEY (order_key)
)
 STRICT

CREATE INDEX driver_job_age ON driver_job (ended_at)

CREATE INDEX driver_job_of_agent ON driver_job (agent_id, ended_at)

CREATE TABLE entry (
    id TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    order_key TEXT, 
    origin_period TEXT, 
    declared_in TEXT, 
    "by" TEXT, 
    PRIMARY KEY (id), 
    UNIQUE (id, currency)
)
 STRICT

CREATE INDEX entry_at ON entry (at)

CREATE INDEX entry_of_order ON entry (order_key)

CREATE TABLE form_submission (
    bap_id TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (bap_id, transaction_id)
)
 STRICT

CREATE INDEX submission_age ON form_submission (at)

CREATE TABLE imbalance (
    block INTEGER NOT NULL, 
    currency TEXT NOT NULL, 
    debit_minor INTEGER NOT NULL, 
    credit_minor INTEGER NOT NULL, 
    faulty INTEGER NOT NULL, 
    found_at INTEGER NOT NULL, 
    PRIMARY KEY (block, currency)
)
 STRICT

CREATE TABLE incident (
    n INTEGER NOT NULL, 
    happened_at INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    job_id TEXT, 
    agent_id TEXT, 
    due_at INTEGER, 
    PRIMARY KEY (n)
)
 STRICT

CREATE INDEX incident_due ON incident (due_at)

CREATE INDEX incident_of_job ON incident (job_id)

CREATE INDEX incident_told ON incident (agent_id, due_at)

CREATE TABLE insured_order (
    order_key TEXT NOT NULL, 
    terms TEXT NOT NULL, 
    PRIMARY KEY (order_key)
)
 STRICT

CREATE TABLE local_worker (
    agent_id TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    PRIMARY KEY (agent_id), 
    UNIQUE (worker)
)
 STRICT

CREATE TABLE mandate (
    id TEXT NOT NULL, 
    agent TEXT NOT NULL, 
    document BLOB NOT NULL, 
    principal_signature BLOB NOT NULL, 
    agent_signature BLOB NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    reference TEXT, 
    PRIMARY KEY (id)
)
 STRICT

CREATE TABLE member_number (
    scheme TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    number TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (scheme, worker), 
    UNIQUE (scheme, number)
)
 STRICT

CREATE INDEX member_number_of_worker ON member_number (worker)

CREATE TABLE notice_text (
    sha256 TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    language TEXT NOT NULL, 
    text TEXT NOT NULL, 
    PRIMARY KEY (sha256)
)
 STRICT

CREATE TABLE office_act (
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    who TEXT NOT NULL, 
    what TEXT NOT NULL, 
    about TEXT NOT NULL, 
    told TEXT NOT NULL, 
    PRIMARY KEY (n)
)
 STRICT

CREATE INDEX office_act_about ON office_act (about)

CREATE TABLE office_person (
    id TEXT NOT NULL, 
    phone TEXT NOT NULL, 
    name TEXT NOT NULL, 
    roles TEXT NOT NULL, 
    since INTEGER NOT NULL, 
    PRIMARY KEY (id), 
    UNIQUE (phone)
)
 STRICT

CREATE TABLE order_event (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    agent_id TEXT, 
    document BLOB NOT NULL, 
    PRIMARY KEY (order_key, n)
)
 STRICT

CREATE TABLE order_rating (
    order_key TEXT NOT NULL, 
    category TEXT NOT NULL, 
    value INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    PRIMARY KEY (order_key, category)
)
 STRICT

CREATE TABLE orders (
    "key" TEXT NOT NULL, 
    bap_id TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    order_id TEXT NOT NULL, 
    job_id TEXT NOT NULL, 
    status TEXT NOT NULL, 
    state TEXT NOT NULL, 
    agent_id TEXT, 
    is_ahead INTEGER NOT NULL, 
    begins_at INTEGER NOT NULL, 
    is_done INTEGER NOT NULL, 
    events INTEGER NOT NULL, 
    revision INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    created_at INTEGER NOT NULL, 
    updated_at INTEGER NOT NULL, 
    waits_since INTEGER NOT NULL, 
    PRIMARY KEY ("key"), 
    UNIQUE (bap_id, transaction_id), 
    UNIQUE (bap_id, order_id), 
    UNIQUE (job_id), 
    CHECK (status IN ('ACTIVE', 'COMPLETE', 'CANCELLED')), 
    CHECK (is_done IN (0, 1)), 
    CHECK (is_ahead IN (0, 1))
)
 STRICT

CREATE INDEX jobs_ahead ON orders (begins_at, "key") WHERE status = 'ACTIVE' AND is_ahead = 1

CREATE INDEX jobs_done ON orders (agent_id, updated_at) WHERE is_done = 1

CREATE INDEX newest_orders ON orders (created_at)

CREATE UNIQUE INDEX one_job_per_agent ON orders (agent_id) WHERE status = 'ACTIVE' AND is_ahead = 0 AND agent_id IS NOT NULL

CREATE INDEX open_jobs ON orders (created_at, "key") WHERE status = 'ACTIVE' AND agent_id IS NULL AND is_ahead = 0 AND state <> 'Pending'

CREATE INDEX open_planned_jobs ON orders (created_at, "key") WHERE status = 'ACTIVE' AND agent_id IS NULL AND is_ahead = 0 AND state <> 'Pending' AND begins_at > 0

CREATE INDEX waiting_jobs ON orders (state, waits_since) WHERE status = 'ACTIVE' AND agent_id IS NULL

CREATE TABLE payment_file (
    message TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    on_day TEXT NOT NULL, 
    sha256 TEXT NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (message)
)
 STRICT

CREATE TABLE pending (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    since INTEGER NOT NULL, 
    tries INTEGER NOT NULL, 
    next_at INTEGER NOT NULL, 
    error TEXT NOT NULL, 
    PRIMARY KEY (order_key)
)
 STRICT

CREATE INDEX pending_due ON pending (next_at)

CREATE TABLE person (
    worker TEXT NOT NULL, 
    name TEXT, 
    born TEXT NOT NULL, 
    sector TEXT NOT NULL, 
    licence TEXT, 
    identity_kind TEXT NOT NULL, 
    identity_sealed BLOB NOT NULL, 
    identity_hash BLOB NOT NULL, 
    enrolled_at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (worker), 
    UNIQUE (identity_hash)
)
 STRICT

CREATE TABLE projected (
    order_key TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    PRIMARY KEY (order_key, n)
)
 STRICT

CREATE TABLE protection_agent (
    scheme TEXT NOT NULL, 
    id TEXT NOT NULL, 
    document BLOB NOT NULL, 
    signature BLOB, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (scheme, id)
)
 STRICT

CREATE TABLE quote (
    bap_id TEXT NOT NULL, 
    transaction_id TEXT NOT NULL, 
    expires_at INTEGER NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (bap_id, transaction_id)
)
 STRICT

CREATE INDEX quote_expiry ON quote (expires_at)

CREATE TABLE remittance (
    id TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    period TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    workers INTEGER NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    worker_minor INTEGER NOT NULL, 
    cooperative_minor INTEGER NOT NULL, 
    due_day TEXT, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (id), 
    UNIQUE (scheme, period, id)
)
 STRICT

CREATE TABLE remittance_line (
    remittance TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    worker_minor INTEGER NOT NULL, 
    cooperative_minor INTEGER NOT NULL, 
    exact TEXT NOT NULL, 
    orders INTEGER NOT NULL, 
    credit_used_minor INTEGER NOT NULL, 
    excess_minor INTEGER NOT NULL, 
    shortfall_minor INTEGER, 
    PRIMARY KEY (remittance, worker), 
    CHECK (worker_minor >= 0 AND cooperative_minor >= 0), 
    CHECK (amount_minor = worker_minor + cooperative_minor)
)
 STRICT

CREATE TABLE scheme_period (
    scheme TEXT NOT NULL, 
    period TEXT NOT NULL, 
    PRIMARY KEY (scheme, period)
)
 STRICT

CREATE TABLE surplus_division (
    reference TEXT NOT NULL, 
    first_day TEXT NOT NULL, 
    last_day TEXT NOT NULL, 
    rule TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    members INTEGER NOT NULL, 
    work INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (reference), 
    CHECK (amount_minor > 0)
)
 STRICT

CREATE TABLE tariff (
    n INTEGER NOT NULL, 
    starts_at INTEGER NOT NULL, 
    written_at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    document BLOB NOT NULL, 
    PRIMARY KEY (n)
)
 STRICT

CREATE INDEX tariff_start ON tariff (starts_at)

CREATE TABLE to_declare (
    scheme TEXT NOT NULL, 
    declared_in TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    origin TEXT NOT NULL, 
    PRIMARY KEY (scheme, declared_in, worker, origin)
)
 STRICT

CREATE TABLE vehicle (
    registration TEXT NOT NULL, 
    category TEXT NOT NULL, 
    variant TEXT, 
    make TEXT, 
    model TEXT, 
    color TEXT, 
    energy_type TEXT, 
    features TEXT NOT NULL, 
    seats INTEGER, 
    load_kg INTEGER, 
    load_cm TEXT, 
    PRIMARY KEY (registration)
)
 STRICT

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

CREATE TABLE work_document (
    id TEXT NOT NULL, 
    holder TEXT NOT NULL, 
    holder_id TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    number TEXT NOT NULL, 
    valid_until TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (id), 
    UNIQUE (holder, holder_id, kind, n), 
    CHECK (holder IN ('driver', 'vehicle'))
)
 STRICT

CREATE TABLE work_handover (
    job_id TEXT NOT NULL, 
    leg TEXT NOT NULL, 
    agent_id TEXT NOT NULL, 
    token TEXT NOT NULL, 
    body BLOB NOT NULL, 
    at INTEGER NOT NULL, 
    PRIMARY KEY (job_id, leg), 
    UNIQUE (token), 
    CHECK (leg IN ('pickup', 'drop'))
)
 STRICT

CREATE INDEX work_handover_age ON work_handover (at)

CREATE TABLE worker_fact (
    worker TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    day TEXT NOT NULL, 
    value TEXT NOT NULL, 
    detail TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (worker, n), 
    CHECK (kind IN ('notice', 'consent', 'withdrawal', 'plan', 'bought', 'opt_in', 'category', 'residency'))
)
 STRICT

CREATE TABLE agent_batch (
    remittance TEXT NOT NULL, 
    agent TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    workers INTEGER NOT NULL, 
    batch_minor INTEGER NOT NULL, 
    commission_minor INTEGER NOT NULL, 
    entry TEXT, 
    PRIMARY KEY (remittance, agent, n), 
    CHECK (batch_minor >= 0 AND commission_minor >= 0), 
    FOREIGN KEY(entry) REFERENCES entry (id)
)
 STRICT

CREATE TABLE contribution (
    entry TEXT NOT NULL, 
    order_key TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    slot INTEGER NOT NULL, 
    n INTEGER NOT NULL, 
    worker TEXT NOT NULL, 
    period TEXT NOT NULL, 
    seq INTEGER, 
    status TEXT NOT NULL, 
    withheld TEXT, 
    exact TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    amount_worker_minor INTEGER NOT NULL, 
    is_due INTEGER NOT NULL, 
    all_exact TEXT NOT NULL, 
    all_order_minor INTEGER NOT NULL, 
    all_order_worker_minor INTEGER NOT NULL, 
    all_period_minor INTEGER NOT NULL, 
    all_period_worker_minor INTEGER NOT NULL, 
    due_exact TEXT NOT NULL, 
    due_order_minor INTEGER NOT NULL, 
    due_order_worker_minor INTEGER NOT NULL, 
    due_period_minor INTEGER NOT NULL, 
    due_period_worker_minor INTEGER NOT NULL, 
    PRIMARY KEY (entry), 
    UNIQUE (order_key, scheme, slot, n), 
    UNIQUE (worker, scheme, period, seq), 
    CHECK (amount_minor >= 0), 
    CHECK (is_due IN (0, 1)), 
    FOREIGN KEY(entry) REFERENCES entry (id)
)
 STRICT

CREATE TABLE driver (
    agent_id TEXT NOT NULL, 
    code TEXT NOT NULL, 
    name TEXT NOT NULL, 
    phone TEXT NOT NULL, 
    vehicle TEXT NOT NULL, 
    token_sha256 TEXT NOT NULL, 
    active INTEGER NOT NULL, 
    online INTEGER NOT NULL, 
    lat_e6 INTEGER, 
    lon_e6 INTEGER, 
    seen_at INTEGER, 
    PRIMARY KEY (agent_id), 
    UNIQUE (code), 
    FOREIGN KEY(vehicle) REFERENCES vehicle (registration), 
    UNIQUE (token_sha256)
)
 STRICT

CREATE TABLE filing (
    subject TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    action TEXT NOT NULL, 
    scheme TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    principal TEXT NOT NULL, 
    filer TEXT NOT NULL, 
    mandate TEXT, 
    PRIMARY KEY (subject, n), 
    FOREIGN KEY(mandate) REFERENCES mandate (id)
)
 STRICT

CREATE INDEX filing_of_mandate ON filing (mandate)

CREATE TABLE incident_step (
    n INTEGER NOT NULL, 
    k INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (n, k), 
    CHECK (kind IN ('opened', 'followed', 'answered', 'closed')), 
    FOREIGN KEY(n) REFERENCES incident (n)
)
 STRICT

CREATE INDEX incident_closed ON incident_step (kind, at)

CREATE TABLE leaf_salt (
    entry TEXT NOT NULL, 
    salt BLOB NOT NULL, 
    PRIMARY KEY (entry), 
    FOREIGN KEY(entry) REFERENCES entry (id)
)
 STRICT

CREATE TABLE mandate_end (
    mandate TEXT NOT NULL, 
    last_day TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    PRIMARY KEY (mandate), 
    FOREIGN KEY(mandate) REFERENCES mandate (id)
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

CREATE TABLE payment_credit (
    end_to_end TEXT NOT NULL, 
    message TEXT NOT NULL, 
    remittance TEXT NOT NULL, 
    currency TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    account TEXT NOT NULL, 
    PRIMARY KEY (end_to_end), 
    CHECK (amount_minor > 0), 
    FOREIGN KEY(message) REFERENCES payment_file (message), 
    FOREIGN KEY(remittance) REFERENCES remittance (id)
)
 STRICT

CREATE INDEX ix_payment_credit_message ON payment_credit (message)

CREATE INDEX ix_payment_credit_remittance ON payment_credit (remittance)

CREATE TABLE reading_key (
    name TEXT NOT NULL, 
    token_sha256 TEXT NOT NULL, 
    purpose TEXT NOT NULL, 
    mandate TEXT, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    expires_at INTEGER NOT NULL, 
    PRIMARY KEY (name), 
    UNIQUE (token_sha256), 
    FOREIGN KEY(mandate) REFERENCES mandate (id)
)
 STRICT

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

CREATE TABLE remittance_event (
    remittance TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    kind TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    reference TEXT NOT NULL, 
    worker TEXT, 
    amount_minor INTEGER NOT NULL, 
    file_sha256 TEXT, 
    text TEXT NOT NULL, 
    PRIMARY KEY (remittance, n), 
    CHECK (kind IN ('sent', 'acknowledged', 'rejected', 'interest')), 
    FOREIGN KEY(remittance) REFERENCES remittance (id)
)
 STRICT

CREATE TABLE sealed_leaf (
    block INTEGER NOT NULL, 
    position INTEGER NOT NULL, 
    entry TEXT NOT NULL, 
    hash BLOB NOT NULL, 
    PRIMARY KEY (block, position), 
    FOREIGN KEY(block) REFERENCES block (number), 
    UNIQUE (entry), 
    FOREIGN KEY(entry) REFERENCES entry (id)
)
 STRICT

CREATE TABLE slip (
    id TEXT NOT NULL, 
    entry TEXT NOT NULL, 
    worker TEXT NOT NULL, 
    issued_at INTEGER NOT NULL, 
    supersedes TEXT, 
    document BLOB NOT NULL, 
    signature BLOB NOT NULL, 
    PRIMARY KEY (id), 
    FOREIGN KEY(supersedes) REFERENCES slip (id) DEFERRABLE INITIALLY DEFERRED, 
    UNIQUE (entry), 
    FOREIGN KEY(entry) REFERENCES entry (id), 
    UNIQUE (supersedes)
)
 STRICT

CREATE INDEX slip_of_worker ON slip (worker, issued_at)

CREATE TABLE tariff_withdrawn (
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (n), 
    FOREIGN KEY(n) REFERENCES tariff (n)
)
 STRICT

CREATE TABLE transfer (
    entry TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    currency TEXT NOT NULL, 
    debit TEXT NOT NULL, 
    credit TEXT NOT NULL, 
    amount_minor INTEGER NOT NULL, 
    PRIMARY KEY (entry, n), 
    FOREIGN KEY(entry, currency) REFERENCES entry (id, currency), 
    FOREIGN KEY(debit, currency) REFERENCES account (id, currency), 
    FOREIGN KEY(credit, currency) REFERENCES account (id, currency), 
    CHECK (amount_minor > 0), 
    CHECK (debit <> credit)
)
 STRICT

CREATE INDEX transfer_credit ON transfer (credit, currency, amount_minor)

CREATE INDEX transfer_debit ON transfer (debit, currency, amount_minor)

CREATE TABLE unsealed (
    entry TEXT NOT NULL, 
    PRIMARY KEY (entry), 
    FOREIGN KEY(entry) REFERENCES entry (id)
)
 WITHOUT ROWID,
 STRICT

CREATE TABLE work_scan (
    document_id TEXT NOT NULL, 
    body BLOB NOT NULL, 
    replaced_at INTEGER, 
    PRIMARY KEY (document_id), 
    FOREIGN KEY(document_id) REFERENCES work_document (id)
)
 STRICT

CREATE INDEX work_scan_replaced ON work_scan (replaced_at)

CREATE TABLE work_shift (
    id TEXT NOT NULL, 
    agent_id TEXT NOT NULL, 
    registration TEXT NOT NULL, 
    starts_at INTEGER NOT NULL, 
    ends_at INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (id), 
    CHECK (starts_at < ends_at), 
    FOREIGN KEY(registration) REFERENCES vehicle (registration)
)
 STRICT

CREATE INDEX work_shift_ends ON work_shift (ends_at)

CREATE INDEX work_shift_of_driver ON work_shift (agent_id, ends_at)

CREATE TABLE incident_words (
    n INTEGER NOT NULL, 
    k INTEGER NOT NULL, 
    words TEXT NOT NULL, 
    PRIMARY KEY (n, k), 
    FOREIGN KEY(n, k) REFERENCES incident_step (n, k)
)
 STRICT

CREATE TABLE reading (
    name TEXT NOT NULL, 
    n INTEGER NOT NULL, 
    at INTEGER NOT NULL, 
    path TEXT NOT NULL, 
    PRIMARY KEY (name, n), 
    FOREIGN KEY(name) REFERENCES reading_key (name)
)
 STRICT

CREATE TABLE reading_key_end (
    name TEXT NOT NULL, 
    at INTEGER NOT NULL, 
    "by" TEXT NOT NULL, 
    PRIMARY KEY (name), 
    FOREIGN KEY(name) REFERENCES reading_key (name)
)
 STRICT

CREATE TABLE work_quarter (
    registration TEXT NOT NULL, 
    quarter INTEGER NOT NULL, 
    agent_id TEXT NOT NULL, 
    shift_id TEXT NOT NULL, 
    PRIMARY KEY (registration, quarter), 
    UNIQUE (agent_id, quarter), 
    FOREIGN KEY(shift_id) REFERENCES work_shift (id)
)
 STRICT

CREATE INDEX work_quarter_age ON work_quarter (quarter)

CREATE INDEX work_quarter_of_shift ON work_quarter (shift_id)

CREATE TRIGGER order_event_no_update BEFORE UPDATE ON order_event BEGIN SELECT RAISE(ABORT, 'order_event is append-only: add a new row'); END

CREATE TRIGGER order_event_no_delete BEFORE DELETE ON order_event BEGIN SELECT RAISE(ABORT, 'order_event is append-only: add a new row'); END

CREATE TRIGGER dispatch_round_no_update BEFORE UPDATE ON dispatch_round BEGIN SELECT RAISE(ABORT, 'dispatch_round is append-only: add a new row'); END

CREATE TRIGGER dispatch_candidate_no_update BEFORE UPDATE ON dispatch_candidate BEGIN SELECT RAISE(ABORT, 'dispatch_candidate is append-only: add a new row'); END

CREATE TRIGGER account_no_update BEFORE UPDATE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only: post a new entry'); END

CREATE TRIGGER account_no_delete BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only: post a new entry'); END

CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only: post a new entry'); END

CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only: post a new entry'); END

CREATE TRIGGER transfer_no_update BEFORE UPDATE ON transfer BEGIN SELECT RAISE(ABORT, 'transfer is append-only: post a new entry'); END

CREATE TRIGGER transfer_no_delete BEFORE DELETE ON transfer BEGIN SELECT RAISE(ABORT, 'transfer is append-only: post a new entry'); END

CREATE TRIGGER block_no_update BEFORE UPDATE ON block BEGIN SELECT RAISE(ABORT, 'block is append-only: post a new entry'); END

CREATE TRIGGER block_no_delete BEFORE DELETE ON block BEGIN SELECT RAISE(ABORT, 'block is append-only: post a new entry'); END

CREATE TRIGGER sealed_leaf_no_update BEFORE UPDATE ON sealed_leaf BEGIN SELECT RAISE(ABORT, 'sealed_leaf is append-only: post a new entry'); END

CREATE TRIGGER sealed_leaf_no_delete BEFORE DELETE ON sealed_leaf BEGIN SELECT RAISE(ABORT, 'sealed_leaf is append-only: post a new entry'); END

CREATE TRIGGER leaf_salt_no_update BEFORE UPDATE ON leaf_salt BEGIN SELECT RAISE(ABORT, 'leaf_salt is append-only: add a new row'); END

CREATE TRIGGER entry_waits_for_a_block AFTER INSERT ON entry BEGIN INSERT INTO unsealed (entry) VALUES (NEW.id); END

CREATE TRIGGER entry_no_insert BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM imbalance) BEGIN SELECT RAISE(ABORT, 'the books do not balance: nothing is posted until they do, see wayfare ledger verify'); END

CREATE TRIGGER insured_order_no_update BEFORE UPDATE ON insured_order BEGIN SELECT RAISE(ABORT, 'insured_order is append-only: add a new row'); END

CREATE TRIGGER insured_order_no_delete BEFORE DELETE ON insured_order BEGIN SELECT RAISE(ABORT, 'insured_order is append-only: add a new row'); END

CREATE TRIGGER projected_no_update BEFORE UPDATE ON projected BEGIN SELECT RAISE(ABORT, 'projected is append-only: add a new row'); END

CREATE TRIGGER projected_no_delete BEFORE DELETE ON projected BEGIN SELECT RAISE(ABORT, 'projected is append-only: add a new row'); END

CREATE TRIGGER contribution_no_update BEFORE UPDATE ON contribution BEGIN SELECT RAISE(ABORT, 'contribution is append-only: add a new row'); END

CREATE TRIGGER contribution_no_delete BEFORE DELETE ON contribution BEGIN SELECT RAISE(ABORT, 'contribution is append-only: add a new row'); END

CREATE TRIGGER slip_no_update BEFORE UPDATE ON slip BEGIN SELECT RAISE(ABORT, 'slip is append-only: add a new row'); END

CREATE TRIGGER slip_no_delete BEFORE DELETE ON slip BEGIN SELECT RAISE(ABORT, 'slip is append-only: add a new row'); END

CREATE TRIGGER cash_notice_no_update BEFORE UPDATE ON cash_notice BEGIN SELECT RAISE(ABORT, 'cash_notice is append-only: add a new row'); END

CREATE TRIGGER cash_notice_no_delete BEFORE DELETE ON cash_notice BEGIN SELECT RAISE(ABORT, 'cash_notice is append-only: add a new row'); END

CREATE TRIGGER local_worker_no_update BEFORE UPDATE ON local_worker BEGIN SELECT RAISE(ABORT, 'local_worker is append-only: add a new row'); END

CREATE TRIGGER notice_text_no_update BEFORE UPDATE ON notice_text BEGIN SELECT RAISE(ABORT, 'notice_text is append-only: add a new row'); END

CREATE TRIGGER notice_text_no_delete BEFORE DELETE ON notice_text BEGIN SELECT RAISE(ABORT, 'notice_text is append-only: add a new row'); END

CREATE TRIGGER worker_fact_no_update BEFORE UPDATE ON worker_fact BEGIN SELECT RAISE(ABORT, 'worker_fact is append-only: add a new row'); END

CREATE TRIGGER worker_fact_no_delete BEFORE DELETE ON worker_fact WHEN EXISTS (SELECT 1 FROM local_worker WHERE worker = OLD.worker) BEGIN SELECT RAISE(ABORT, 'worker_fact is append-only: it goes with the person alone'); END

CREATE TRIGGER scheme_period_no_update BEFORE UPDATE ON scheme_period BEGIN SELECT RAISE(ABORT, 'scheme_period is append-only: add a new row'); END

CREATE TRIGGER scheme_period_no_delete BEFORE DELETE ON scheme_period BEGIN SELECT RAISE(ABORT, 'scheme_period is append-only: add a new row'); END

CREATE TRIGGER closed_period_no_update BEFORE UPDATE ON closed_period BEGIN SELECT RAISE(ABORT, 'closed_period is append-only: add a new row'); END

CREATE TRIGGER closed_period_no_delete BEFORE DELETE ON closed_period BEGIN SELECT RAISE(ABORT, 'closed_period is append-only: add a new row'); END

CREATE TRIGGER to_declare_no_update BEFORE UPDATE ON to_declare BEGIN SELECT RAISE(ABORT, 'to_declare is append-only: add a new row'); END

CREATE TRIGGER to_declare_no_delete BEFORE DELETE ON to_declare BEGIN SELECT RAISE(ABORT, 'to_declare is append-only: add a new row'); END

CREATE TRIGGER declared_part_no_update BEFORE UPDATE ON declared_part BEGIN SELECT RAISE(ABORT, 'declared_part is append-only: add a new row'); END

CREATE TRIGGER declared_part_no_delete BEFORE DELETE ON declared_part BEGIN SELECT RAISE(ABORT, 'declared_part is append-only: add a new row'); END

CREATE TRIGGER remittance_no_update BEFORE UPDATE ON remittance BEGIN SELECT RAISE(ABORT, 'remittance is append-only: add a new row'); END

CREATE TRIGGER remittance_no_delete BEFORE DELETE ON remittance BEGIN SELECT RAISE(ABORT, 'remittance is append-only: add a new row'); END

CREATE TRIGGER remittance_line_no_update BEFORE UPDATE ON remittance_line BEGIN SELECT RAISE(ABORT, 'remittance_line is append-only: add a new row'); END

CREATE TRIGGER remittance_line_no_delete BEFORE DELETE ON remittance_line BEGIN SELECT RAISE(ABORT, 'remittance_line is append-only: add a new row'); END

CREATE TRIGGER remittance_event_no_update BEFORE UPDATE ON remittance_event BEGIN SELECT RAISE(ABORT, 'remittance_event is append-only: add a new row'); END

CREATE TRIGGER remittance_event_no_delete BEFORE DELETE ON remittance_event BEGIN SELECT RAISE(ABORT, 'remittance_event is append-only: add a new row'); END

CREATE TRIGGER payment_file_no_update BEFORE UPDATE ON payment_file BEGIN SELECT RAISE(ABORT, 'payment_file is append-only: add a new row'); END

CREATE TRIGGER payment_file_no_delete BEFORE DELETE ON payment_file BEGIN SELECT RAISE(ABORT, 'payment_file is append-only: add a new row'); END

CREATE TRIGGER payment_credit_no_update BEFORE UPDATE ON payment_credit BEGIN SELECT RAISE(ABORT, 'payment_credit is append-only: add a new row'); END

CREATE TRIGGER payment_credit_no_delete BEFORE DELETE ON payment_credit BEGIN SELECT RAISE(ABORT, 'payment_credit is append-only: add a new row'); END

CREATE TRIGGER bank_file_read_no_update BEFORE UPDATE ON bank_file_read BEGIN SELECT RAISE(ABORT, 'bank_file_read is append-only: add a new row'); END

CREATE TRIGGER bank_file_read_no_delete BEFORE DELETE ON bank_file_read BEGIN SELECT RAISE(ABORT, 'bank_file_read is append-only: add a new row'); END

CREATE TRIGGER mandate_no_update BEFORE UPDATE ON mandate BEGIN SELECT RAISE(ABORT, 'mandate is append-only: add a new row'); END

CREATE TRIGGER mandate_no_delete BEFORE DELETE ON mandate BEGIN SELECT RAISE(ABORT, 'mandate is append-only: add a new row'); END

CREATE TRIGGER mandate_end_no_update BEFORE UPDATE ON mandate_end BEGIN SELECT RAISE(ABORT, 'mandate_end is append-only: add a new row'); END

CREATE TRIGGER mandate_end_no_delete BEFORE DELETE ON mandate_end BEGIN SELECT RAISE(ABORT, 'mandate_end is append-only: add a new row'); END

CREATE TRIGGER filing_no_update BEFORE UPDATE ON filing BEGIN SELECT RAISE(ABORT, 'filing is append-only: add a new row'); END

CREATE TRIGGER filing_no_delete BEFORE DELETE ON filing BEGIN SELECT RAISE(ABORT, 'filing is append-only: add a new row'); END

CREATE TRIGGER protection_agent_no_update BEFORE UPDATE ON protection_agent BEGIN SELECT RAISE(ABORT, 'protection_agent is append-only: add a new row'); END

CREATE TRIGGER protection_agent_no_delete BEFORE DELETE ON protection_agent BEGIN SELECT RAISE(ABORT, 'protection_agent is append-only: add a new row'); END

CREATE TRIGGER agent_attribution_no_update BEFORE UPDATE ON agent_attribution BEGIN SELECT RAISE(ABORT, 'agent_attribution is append-only: add a new row'); END

CREATE TRIGGER agent_attribution_no_delete BEFORE DELETE ON agent_attribution BEGIN SELECT RAISE(ABORT, 'agent_attribution is append-only: add a new row'); END

CREATE TRIGGER agent_batch_no_update BEFORE UPDATE ON agent_batch BEGIN SELECT RAISE(ABORT, 'agent_batch is append-only: add a new row'); END

CREATE TRIGGER agent_batch_no_delete BEFORE DELETE ON agent_batch BEGIN SELECT RAISE(ABORT, 'agent_batch is append-only: add a new row'); END

CREATE TRIGGER reading_key_no_update BEFORE UPDATE ON reading_key BEGIN SELECT RAISE(ABORT, 'reading_key is append-only: add a new row'); END

CREATE TRIGGER reading_key_no_delete BEFORE DELETE ON reading_key BEGIN SELECT RAISE(ABORT, 'reading_key is append-only: add a new row'); END

CREATE TRIGGER reading_key_end_no_update BEFORE UPDATE ON reading_key_end BEGIN SELECT RAISE(ABORT, 'reading_key_end is append-only: add a new row'); END

CREATE TRIGGER reading_key_end_no_delete BEFORE DELETE ON reading_key_end BEGIN SELECT RAISE(ABORT, 'reading_key_end is append-only: add a new row'); END

CREATE TRIGGER reading_no_update BEFORE UPDATE ON reading BEGIN SELECT RAISE(ABORT, 'reading is append-only: add a new row'); END

CREATE TRIGGER reading_no_delete BEFORE DELETE ON reading BEGIN SELECT RAISE(ABORT, 'reading is append-only: add a new row'); END

CREATE TRIGGER coverage_answer_no_update BEFORE UPDATE ON coverage_answer BEGIN SELECT RAISE(ABORT, 'coverage_answer is append-only: add a new row'); END

CREATE TRIGGER coverage_answer_no_delete BEFORE DELETE ON coverage_answer WHEN EXISTS (SELECT 1 FROM local_worker WHERE worker = OLD.worker) BEGIN SELECT RAISE(ABORT, 'coverage_answer is append-only: it goes with its person'); END

CREATE TRIGGER coverage_answer_erased AFTER DELETE ON local_worker BEGIN DELETE FROM coverage_answer WHERE worker = OLD.worker; END

CREATE TRIGGER coverage_revoked_no_update BEFORE UPDATE ON coverage_revoked BEGIN SELECT RAISE(ABORT, 'coverage_revoked is append-only: add a new row'); END

CREATE TRIGGER coverage_revoked_no_delete BEFORE DELETE ON coverage_revoked BEGIN SELECT RAISE(ABORT, 'coverage_revoked is append-only: add a new row'); END

CREATE TRIGGER office_act_no_update BEFORE UPDATE ON office_act BEGIN SELECT RAISE(ABORT, 'office_act is append-only: add a new row'); END

CREATE TRIGGER office_act_no_delete BEFORE DELETE ON office_act BEGIN SELECT RAISE(ABORT, 'office_act is append-only: add a new row'); END

CREATE TRIGGER work_document_no_update BEFORE UPDATE ON work_document BEGIN SELECT RAISE(ABORT, 'work_document is append-only: write the new paper as a new document'); END

CREATE TRIGGER work_document_no_delete BEFORE DELETE ON work_document BEGIN SELECT RAISE(ABORT, 'work_document is append-only: write the new paper as a new document'); END

CREATE TRIGGER tariff_no_update BEFORE UPDATE ON tariff BEGIN SELECT RAISE(ABORT, 'tariff is append-only: write another tariff'); END

CREATE TRIGGER tariff_no_delete BEFORE DELETE ON tariff BEGIN SELECT RAISE(ABORT, 'tariff is append-only: write another tariff'); END

CREATE TRIGGER tariff_withdrawn_no_update BEFORE UPDATE ON tariff_withdrawn BEGIN SELECT RAISE(ABORT, 'tariff_withdrawn is append-only: write another tariff'); END

CREATE TRIGGER tariff_withdrawn_no_delete BEFORE DELETE ON tariff_withdrawn BEGIN SELECT RAISE(ABORT, 'tariff_withdrawn is append-only: write another tariff'); END

CREATE TRIGGER incident_no_update BEFORE UPDATE ON incident BEGIN SELECT RAISE(ABORT, 'incident is append-only: write another step'); END

CREATE TRIGGER incident_no_delete BEFORE DELETE ON incident BEGIN SELECT RAISE(ABORT, 'incident is append-only: write another step'); END

CREATE TRIGGER incident_step_no_update BEFORE UPDATE ON incident_step BEGIN SELECT RAISE(ABORT, 'incident_step is append-only: write another step'); END

CREATE TRIGGER incident_step_no_delete BEFORE DELETE ON incident_step BEGIN SELECT RAISE(ABORT, 'incident_step is append-only: write another step'); END

CREATE TRIGGER incident_words_no_update BEFORE UPDATE ON incident_words BEGIN SELECT RAISE(ABORT, 'incident_words is append-only: write another step'); END

CREATE TRIGGER surplus_division_no_update BEFORE UPDATE ON surplus_division BEGIN SELECT RAISE(ABORT, 'surplus_division is append-only: take it back by entries'); END

CREATE TRIGGER surplus_division_no_delete BEFORE DELETE ON surplus_division BEGIN SELECT RAISE(ABORT, 'surplus_division is append-only: take it back by entries'); END
