-- A state database of version 1 in sqlite, as the code of that version made it: two accounts, their readings, a call, a pause.
CREATE TABLE organic_state_accounts (
    business_id TEXT NOT NULL,
    username TEXT NOT NULL,
    client_id TEXT NOT NULL,
    api_url TEXT NOT NULL,
    scopes TEXT NOT NULL,
    connected_at DOUBLE NOT NULL,
    authorized_at DOUBLE NOT NULL,
    access_token TEXT NOT NULL,
    access_expires_at DOUBLE,
    access_life_s DOUBLE,
    refresh_token TEXT NOT NULL,
    refresh_expires_at DOUBLE,
    token_version INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until DOUBLE NOT NULL,
    needs_authorization TEXT,
    PRIMARY KEY (business_id)
);
CREATE TABLE organic_state_calls (
    id INTEGER NOT NULL,
    app TEXT NOT NULL,
    account TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    sent_at DOUBLE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX organic_state_calls_app ON organic_state_calls (app, sent_at);
CREATE INDEX organic_state_calls_endpoint ON organic_state_calls (app, account, endpoint, sent_at);
CREATE TABLE organic_state_pauses (
    app TEXT NOT NULL,
    account TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    paused_at DOUBLE NOT NULL,
    paused_until DOUBLE NOT NULL,
    strikes INTEGER NOT NULL,
    given_up BOOLEAN NOT NULL,
    lease_owner TEXT,
    lease_until DOUBLE NOT NULL,
    PRIMARY KEY (app, account, endpoint)
);
CREATE TABLE organic_state_steps (
    business_id TEXT NOT NULL,
    step TEXT NOT NULL,
    last_complete DOUBLE,
    last_error TEXT,
    last_error_at DOUBLE,
    PRIMARY KEY (business_id, step)
);
CREATE TABLE organic_state_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
INSERT INTO organic_state_accounts (business_id, username, client_id, api_url, scopes, connected_at, authorized_at, access_token, access_expires_at, access_life_s, refresh_token, refresh_expires_at, token_version, lease_until) VALUES ('business-0', 'ada', 'client-1', 'https://api.example.com/open_api/v1.3', 'user.info.basic,video.list', 1795435200.0, 1795435200.0, 'gAAAAABrBRYC6q2ovRTaayM6yMETQT8zGk99ba_am9L3Ctwe8C8Kivesz2ez8PNZ4NORmzCnwu-BNY9k6ctQFilYi9rwb5w9WLQXsMBflNnNEehmAY1rOCE=', 1795521600.0, 86400.0, 'gAAAAABrBRYCvB7_vDovGdBBLmGICTX_mn87AhWAUjS2ZDpoDDrFtf5hDbs91Qgw1Sk1bp9aHBR7JqOxeTr62-tHRHoCA7uG3B9hyfgGCHFZG8XA7xKa7kA=', 1826971200.0, 1, 0.0);
INSERT INTO organic_state_accounts (business_id, username, client_id, api_url, scopes, connected_at, authorized_at, access_token, access_expires_at, access_life_s, refresh_token, refresh_expires_at, token_version, lease_until) VALUES ('business-1', 'bob', 'client-1', 'https://api.example.com/open_api/v1.3', 'user.info.basic,video.list', 1795435200.0, 1795435200.0, 'gAAAAABrBRYC3Uu0HoTXO7c8QwL5Rdyr2A3LYd7-MfZTFi-am0365gG9yBfa2U4u11jTGbrzzVUYOKmrTJfnQUhe4mlUZwH7whnTxDs0sXvbHeI2x48nJmM=', 1795521600.0, 86400.0, 'gAAAAABrBRYCxMj_XSC000s2Q4Q7lvvnMTGQhDE_fZvtko62Cuu4pfg4vV4_DeQiHTg5vJ9BVVh8ci_Ss5wsKRZ9eFS7E6ANQMqphgVUAnQt9FNpdjBNVWc=', 1826971200.0, 1, 0.0);
INSERT INTO organic_state_calls (app, account, endpoint, sent_at) VALUES ('a', 'business-0', 'business/get/', 1795435200.0);
INSERT INTO organic_state_pauses (app, account, endpoint, paused_at, paused_until, strikes, given_up, lease_until) VALUES ('a', 'business-0', 'business/get/', 1.0, 2.0, 1, 0, 0.0);
INSERT INTO organic_state_steps (business_id, step, last_complete) VALUES ('business-0', 'videos', 1795435200.0);
INSERT INTO organic_state_steps (business_id, step, last_error, last_error_at) VALUES ('business-1', 'videos', 'TikTok''s business/get/: it''s "down"', 1795435200.0);
INSERT INTO organic_state_version (version) VALUES (1);
