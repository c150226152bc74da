DROP TABLE work_quarter CASCADE

DROP TABLE reading_key_end CASCADE

DROP TABLE reading CASCADE

DROP TABLE incident_words CASCADE

DROP TABLE work_shift CASCADE

DROP TABLE work_scan CASCADE

DROP TABLE unsealed CASCADE

DROP TABLE transfer CASCADE

DROP TABLE tariff_withdrawn CASCADE

DROP TABLE slip CASCADE

DROP TABLE sealed_leaf CASCADE

DROP TABLE remittance_event CASCADE

DROP TABLE received CASCADE

DROP TABLE reading_key CASCADE

DROP TABLE payment_credit CASCADE

DROP TABLE owed CASCADE

DROP TABLE mandate_end CASCADE

DROP TABLE leaf_salt CASCADE

DROP TABLE incident_step CASCADE

DROP TABLE filing CASCADE

DROP TABLE driver CASCADE

DROP TABLE contribution CASCADE

DROP TABLE agent_batch CASCADE

DROP TABLE worker_fact CASCADE

DROP TABLE work_handover CASCADE

DROP TABLE work_document CASCADE

DROP TABLE web_sign_in_code CASCADE

DROP TABLE web_session CASCADE

DROP TABLE web_paced CASCADE

DROP TABLE web_kept_form CASCADE

DROP TABLE web_form_sent CASCADE

DROP TABLE vehicle CASCADE

DROP TABLE to_declare CASCADE

DROP TABLE tariff CASCADE

DROP TABLE surplus_division CASCADE

DROP TABLE scheme_period CASCADE

DROP TABLE remittance_line CASCADE

DROP TABLE remittance CASCADE

DROP TABLE quote CASCADE

DROP TABLE protection_agent CASCADE

DROP TABLE projected CASCADE

DROP TABLE person CASCADE

DROP TABLE pending CASCADE

DROP TABLE payment_file CASCADE

DROP TABLE orders CASCADE

DROP TABLE order_rating CASCADE

DROP TABLE order_event CASCADE

DROP TABLE office_person CASCADE

DROP TABLE office_act CASCADE

DROP TABLE notice_text CASCADE

DROP TABLE member_number CASCADE

DROP TABLE mandate CASCADE

DROP TABLE local_worker CASCADE

DROP TABLE insured_order CASCADE

DROP TABLE incident CASCADE

DROP TABLE imbalance CASCADE

DROP TABLE form_submission CASCADE

DROP TABLE entry CASCADE

DROP TABLE driver_job CASCADE

DROP TABLE dispatch_round CASCADE

DROP TABLE dispatch_offer CASCADE

DROP TABLE dispatch_candidate CASCADE

DROP TABLE declared_part CASCADE

DROP TABLE coverage_revoked CASCADE

DROP TABLE coverage_answer CASCADE

DROP TABLE conversation CASCADE

DROP TABLE closed_period CASCADE

DROP TABLE cash_notice CASCADE

DROP TABLE body CASCADE

DROP TABLE block CASCADE

DROP TABLE bank_file_read CASCADE

DROP TABLE agent_attribution CASCADE

DROP TABLE account CASCADE

DROP FUNCTION append_only

DROP FUNCTION entry_waits_for_a_block

DROP FUNCTION entry_no_insert

DROP FUNCTION worker_fact_no_delete

DROP FUNCTION coverage_answer_no_delete

DROP FUNCTION coverage_answer_erased
