CREATE TABLE public.lifecycle_actions (
    id bigint NOT NULL,
    token character varying(100) NOT NULL,
    workerid bigint NOT NULL,
    masterid bigint NOT NULL,
    episode bigint,
    what character varying(100) NOT NULL,
    at double precision NOT NULL,
    status character varying(100) NOT NULL,
    finished_at double precision,
    actor text NOT NULL,
    data text NOT NULL
);
CREATE SEQUENCE public.lifecycle_actions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_actions_id_seq OWNED BY public.lifecycle_actions.id;
CREATE TABLE public.lifecycle_beliefs (
    masterid bigint NOT NULL,
    believed_at double precision NOT NULL,
    doubted_at double precision
);
CREATE TABLE public.lifecycle_episodes (
    id bigint NOT NULL,
    incarnation bigint NOT NULL,
    first_seq bigint NOT NULL,
    workerid bigint NOT NULL,
    masterid bigint NOT NULL,
    started_at double precision NOT NULL,
    ended_at double precision,
    outcome character varying(100),
    start_s double precision,
    connect_s double precision,
    up_s double precision,
    stop_s double precision,
    builds integer NOT NULL,
    data text NOT NULL,
    counted integer
);
CREATE SEQUENCE public.lifecycle_episodes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_episodes_id_seq OWNED BY public.lifecycle_episodes.id;
CREATE TABLE public.lifecycle_events (
    id bigint NOT NULL,
    incarnation bigint NOT NULL,
    seq bigint NOT NULL,
    workerid bigint NOT NULL,
    masterid bigint NOT NULL,
    episode bigint,
    kind character varying(100) NOT NULL,
    at double precision NOT NULL,
    from_state character varying(100),
    to_state character varying(100),
    expected boolean,
    data text NOT NULL
);
CREATE SEQUENCE public.lifecycle_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_events_id_seq OWNED BY public.lifecycle_events.id;
CREATE TABLE public.lifecycle_incarnations (
    id bigint NOT NULL,
    masterid bigint NOT NULL,
    token character varying(100) NOT NULL,
    master text NOT NULL,
    pid bigint NOT NULL,
    host text NOT NULL,
    started_at double precision NOT NULL,
    heartbeat_at double precision NOT NULL,
    ended_at double precision,
    ended_how character varying(100)
);
CREATE SEQUENCE public.lifecycle_incarnations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_incarnations_id_seq OWNED BY public.lifecycle_incarnations.id;
CREATE TABLE public.lifecycle_orphans (
    id bigint NOT NULL,
    token character varying(100) NOT NULL,
    workerid bigint NOT NULL,
    masterid bigint NOT NULL,
    episode bigint,
    opened_at double precision NOT NULL,
    closed_at double precision,
    data text NOT NULL
);
CREATE SEQUENCE public.lifecycle_orphans_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_orphans_id_seq OWNED BY public.lifecycle_orphans.id;
CREATE TABLE public.lifecycle_requests (
    id bigint NOT NULL,
    token character varying(100) NOT NULL,
    masterid bigint NOT NULL,
    asker bigint NOT NULL,
    workerid bigint NOT NULL,
    action bigint,
    kind character varying(100) NOT NULL,
    asked_at double precision NOT NULL,
    expires_at double precision NOT NULL,
    claimed_at double precision,
    answered_at double precision,
    claimed_by character varying(100),
    data text NOT NULL,
    answer text NOT NULL
);
CREATE SEQUENCE public.lifecycle_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.lifecycle_requests_id_seq OWNED BY public.lifecycle_requests.id;
CREATE TABLE public.lifecycle_rollups (
    workerid bigint NOT NULL,
    day bigint NOT NULL,
    masterid bigint NOT NULL,
    class character varying(100) NOT NULL,
    data text NOT NULL
);
CREATE TABLE public.lifecycle_version (
    id integer NOT NULL,
    version integer NOT NULL
);
CREATE TABLE public.lifecycle_workers (
    workerid bigint NOT NULL,
    masterid bigint NOT NULL,
    incarnation bigint NOT NULL,
    name text NOT NULL,
    class text NOT NULL,
    state character varying(100) NOT NULL,
    state_since double precision,
    connected boolean NOT NULL,
    building text NOT NULL,
    paused boolean NOT NULL,
    pause_reason text,
    episode bigint,
    instance text,
    pending_call character varying(100),
    pending_since double precision,
    refused integer NOT NULL,
    held integer NOT NULL,
    removed boolean NOT NULL,
    verdict text NOT NULL,
    updated_at double precision NOT NULL,
    data text NOT NULL
);
ALTER TABLE ONLY public.lifecycle_actions ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_actions_id_seq'::regclass);
ALTER TABLE ONLY public.lifecycle_episodes ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_episodes_id_seq'::regclass);
ALTER TABLE ONLY public.lifecycle_events ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_events_id_seq'::regclass);
ALTER TABLE ONLY public.lifecycle_incarnations ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_incarnations_id_seq'::regclass);
ALTER TABLE ONLY public.lifecycle_orphans ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_orphans_id_seq'::regclass);
ALTER TABLE ONLY public.lifecycle_requests ALTER COLUMN id SET DEFAULT nextval('public.lifecycle_requests_id_seq'::regclass);
INSERT INTO public.lifecycle_actions VALUES (1, 'a1', 7, 1, NULL, 'force-disconnect', 1000, 'done', 1001, 'ann', '{"reason":"hung \u2603","steps":[],"pause":true,"override":false}');
INSERT INTO public.lifecycle_beliefs VALUES (1, 6000, NULL);
INSERT INTO public.lifecycle_episodes VALUES (2, 1, 15, 7, 1, 1001.5, NULL, NULL, 0.125, 0.125, NULL, NULL, 0, '{"first_seq":15,"workerid":7,"started_at":1001.5,"phases":[{"state":"substantiating","since":1001.5,"until":1001.625},{"state":"substantiating_starting","since":1001.625,"until":1002.125},{"state":"substantiated","since":1002.125}],"instance":"i-1","connected_at":1002.0,"started":true,"start_s":0.125,"start_ended_at":1001.875,"start_answered":true}', NULL);
INSERT INTO public.lifecycle_episodes VALUES (1, 1, 2, 7, 1, 1000.125, 1001.375, 'ok', 0.125, 0.125, 0.125, 0.125, 0, '{"first_seq":2,"workerid":7,"started_at":1000.125,"phases":[{"state":"substantiating","since":1000.125,"until":1000.25},{"state":"substantiating_starting","since":1000.25,"until":1000.75},{"state":"substantiated","since":1000.75,"until":1000.875},{"state":"insubstantiating","since":1000.875,"until":1001.375}],"ended_at":1001.375,"outcome":"ok","instance":"i-1","connected_at":1000.625,"started":true,"start_s":0.125,"start_ended_at":1000.5,"stop_s":0.125,"start_answered":true}', 1);
INSERT INTO public.lifecycle_episodes VALUES (3, 2, 2, 7, 2, 5000.125, 5001.375, 'ok', 0.125, 0.125, 0.125, 0.125, 0, '{"first_seq":2,"workerid":7,"started_at":5000.125,"phases":[{"state":"substantiating","since":5000.125,"until":5000.25},{"state":"substantiating_starting","since":5000.25,"until":5000.75},{"state":"substantiated","since":5000.75,"until":5000.875},{"state":"insubstantiating","since":5000.875,"until":5001.375}],"ended_at":5001.375,"outcome":"ok","instance":"i-1","connected_at":5000.625,"started":true,"start_s":0.125,"start_ended_at":5000.5,"stop_s":0.125,"start_answered":true}', 1);
INSERT INTO public.lifecycle_events VALUES (1, 1, 2, 7, 1, 1, 'transition', 1000.125, 'not_substantiated', 'substantiating', true, '{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO public.lifecycle_events VALUES (2, 1, 3, 7, 1, 1, 'transition', 1000.25, 'substantiating', 'substantiating_starting', true, '{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO public.lifecycle_events VALUES (3, 1, 4, 7, 1, 1, 'call_started', 1000.375, NULL, NULL, NULL, '{"call":"start_instance","token":1}');
INSERT INTO public.lifecycle_events VALUES (4, 1, 5, 7, 1, 1, 'call_ended', 1000.5, NULL, NULL, NULL, '{"call":"start_instance","token":1,"outcome":"true","instance":"i-1"}');
INSERT INTO public.lifecycle_events VALUES (5, 1, 6, 7, 1, 1, 'attached', 1000.625, NULL, NULL, NULL, '{"peer":"127.0.0.1"}');
INSERT INTO public.lifecycle_events VALUES (6, 1, 7, 7, 1, 1, 'transition', 1000.75, 'substantiating_starting', 'substantiated', true, '{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO public.lifecycle_events VALUES (7, 1, 9, 7, 1, 1, 'transition', 1000.875, 'substantiated', 'insubstantiating', true, '{"from":"substantiated","to":"insubstantiating","expected":true}');
INSERT INTO public.lifecycle_events VALUES (8, 1, 10, 7, 1, 1, 'call_started', 1001, NULL, NULL, NULL, '{"call":"stop_instance","token":8}');
INSERT INTO public.lifecycle_events VALUES (9, 1, 11, 7, 1, 1, 'call_ended', 1001.125, NULL, NULL, NULL, '{"call":"stop_instance","token":8,"outcome":"true"}');
INSERT INTO public.lifecycle_events VALUES (10, 1, 12, 7, 1, 1, 'detached', 1001.25, NULL, NULL, NULL, '{}');
INSERT INTO public.lifecycle_events VALUES (11, 1, 13, 7, 1, 1, 'transition', 1001.375, 'insubstantiating', 'not_substantiated', true, '{"from":"insubstantiating","to":"not_substantiated","expected":true}');
INSERT INTO public.lifecycle_events VALUES (12, 1, 15, 7, 1, 2, 'transition', 1001.5, 'not_substantiated', 'substantiating', true, '{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO public.lifecycle_events VALUES (13, 1, 16, 7, 1, 2, 'transition', 1001.625, 'substantiating', 'substantiating_starting', true, '{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO public.lifecycle_events VALUES (14, 1, 17, 7, 1, 2, 'call_started', 1001.75, NULL, NULL, NULL, '{"call":"start_instance","token":14}');
INSERT INTO public.lifecycle_events VALUES (15, 1, 18, 7, 1, 2, 'call_ended', 1001.875, NULL, NULL, NULL, '{"call":"start_instance","token":14,"outcome":"true","instance":"i-1"}');
INSERT INTO public.lifecycle_events VALUES (16, 1, 19, 7, 1, 2, 'attached', 1002, NULL, NULL, NULL, '{"peer":"127.0.0.1"}');
INSERT INTO public.lifecycle_events VALUES (17, 1, 20, 7, 1, 2, 'transition', 1002.125, 'substantiating_starting', 'substantiated', true, '{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO public.lifecycle_events VALUES (18, 2, 2, 7, 2, 3, 'transition', 5000.125, 'not_substantiated', 'substantiating', true, '{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO public.lifecycle_events VALUES (19, 2, 3, 7, 2, 3, 'transition', 5000.25, 'substantiating', 'substantiating_starting', true, '{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO public.lifecycle_events VALUES (20, 2, 4, 7, 2, 3, 'call_started', 5000.375, NULL, NULL, NULL, '{"call":"start_instance","token":1}');
INSERT INTO public.lifecycle_events VALUES (21, 2, 5, 7, 2, 3, 'call_ended', 5000.5, NULL, NULL, NULL, '{"call":"start_instance","token":1,"outcome":"true","instance":"i-1"}');
INSERT INTO public.lifecycle_events VALUES (22, 2, 6, 7, 2, 3, 'attached', 5000.625, NULL, NULL, NULL, '{"peer":"127.0.0.1"}');
INSERT INTO public.lifecycle_events VALUES (23, 2, 7, 7, 2, 3, 'transition', 5000.75, 'substantiating_starting', 'substantiated', true, '{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO public.lifecycle_events VALUES (24, 2, 9, 7, 2, 3, 'transition', 5000.875, 'substantiated', 'insubstantiating', true, '{"from":"substantiated","to":"insubstantiating","expected":true}');
INSERT INTO public.lifecycle_events VALUES (25, 2, 10, 7, 2, 3, 'call_started', 5001, NULL, NULL, NULL, '{"call":"stop_instance","token":8}');
INSERT INTO public.lifecycle_events VALUES (26, 2, 11, 7, 2, 3, 'call_ended', 5001.125, NULL, NULL, NULL, '{"call":"stop_instance","token":8,"outcome":"true"}');
INSERT INTO public.lifecycle_events VALUES (27, 2, 12, 7, 2, 3, 'detached', 5001.25, NULL, NULL, NULL, '{}');
INSERT INTO public.lifecycle_events VALUES (28, 2, 13, 7, 2, 3, 'transition', 5001.375, 'insubstantiating', 'not_substantiated', true, '{"from":"insubstantiating","to":"not_substantiated","expected":true}');
INSERT INTO public.lifecycle_incarnations VALUES (1, 1, 'run1', 'm1', 1, 'h', 1000, 1060, NULL, NULL);
INSERT INTO public.lifecycle_incarnations VALUES (2, 2, 'run2', 'm2', 1, 'h', 5000, 5060, NULL, NULL);
INSERT INTO public.lifecycle_orphans VALUES (1, 'o1', 7, 1, NULL, 1001, NULL, '{"instance":"i-1","cause":"release"}');
INSERT INTO public.lifecycle_requests VALUES (1, 'q1', 2, 1, 7, NULL, 'force', 1795753121.968075, 1795753131.968075, NULL, NULL, NULL, '{}', 'null');
INSERT INTO public.lifecycle_rollups VALUES (0, 0, 1, 'demo.Worker', '{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO public.lifecycle_rollups VALUES (0, 0, 2, 'demo.Worker', '{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO public.lifecycle_rollups VALUES (7, 0, 1, 'demo.Worker', '{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO public.lifecycle_rollups VALUES (7, 0, 2, 'demo.Worker', '{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO public.lifecycle_version VALUES (1, 5);
INSERT INTO public.lifecycle_workers VALUES (7, 1, 1, 'linux', 'demo.Worker', 'substantiated', 1002.125, true, '[]', false, NULL, 2, 'i-1', NULL, NULL, 0, 0, false, '{"level":"ok","code":"healthy","reason":"nothing is waited for","since":null,"threshold_s":null}', 1002.125, '{"workerid":7,"state":"substantiated","state_since":1002.125,"episode":{"first_seq":15,"workerid":7,"started_at":1001.5,"phases":[{"state":"substantiating","since":1001.5,"until":1001.625},{"state":"substantiating_starting","since":1001.625,"until":1002.125},{"state":"substantiated","since":1002.125}],"instance":"i-1","connected_at":1002.0,"started":true,"start_s":0.125,"start_ended_at":1001.875,"start_answered":true},"instance":"i-1","connected":true}');
INSERT INTO public.lifecycle_workers VALUES (7, 2, 2, 'linux', 'demo.Worker', 'not_substantiated', 5001.375, false, '[]', false, NULL, NULL, NULL, NULL, NULL, 0, 0, false, '{"level":"ok","code":"healthy","reason":"nothing is waited for","since":null,"threshold_s":null}', 5001.375, '{"workerid":7,"state_since":5001.375}');
SELECT pg_catalog.setval('public.lifecycle_actions_id_seq', 1, true);
SELECT pg_catalog.setval('public.lifecycle_episodes_id_seq', 3, true);
SELECT pg_catalog.setval('public.lifecycle_events_id_seq', 28, true);
SELECT pg_catalog.setval('public.lifecycle_incarnations_id_seq', 2, true);
SELECT pg_catalog.setval('public.lifecycle_orphans_id_seq', 1, true);
SELECT pg_catalog.setval('public.lifecycle_requests_id_seq', 1, true);
ALTER TABLE ONLY public.lifecycle_actions
    ADD CONSTRAINT lifecycle_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_actions
    ADD CONSTRAINT lifecycle_actions_token_key UNIQUE (token);
ALTER TABLE ONLY public.lifecycle_beliefs
    ADD CONSTRAINT lifecycle_beliefs_pkey PRIMARY KEY (masterid);
ALTER TABLE ONLY public.lifecycle_episodes
    ADD CONSTRAINT lifecycle_episodes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_episodes
    ADD CONSTRAINT lifecycle_episodes_seq UNIQUE (incarnation, first_seq);
ALTER TABLE ONLY public.lifecycle_events
    ADD CONSTRAINT lifecycle_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_events
    ADD CONSTRAINT lifecycle_events_seq UNIQUE (incarnation, seq);
ALTER TABLE ONLY public.lifecycle_incarnations
    ADD CONSTRAINT lifecycle_incarnations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_incarnations
    ADD CONSTRAINT lifecycle_incarnations_token_key UNIQUE (token);
ALTER TABLE ONLY public.lifecycle_orphans
    ADD CONSTRAINT lifecycle_orphans_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_orphans
    ADD CONSTRAINT lifecycle_orphans_token_key UNIQUE (token);
ALTER TABLE ONLY public.lifecycle_requests
    ADD CONSTRAINT lifecycle_requests_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_requests
    ADD CONSTRAINT lifecycle_requests_token_key UNIQUE (token);
ALTER TABLE ONLY public.lifecycle_rollups
    ADD CONSTRAINT lifecycle_rollups_pkey PRIMARY KEY (workerid, day, masterid, class);
ALTER TABLE ONLY public.lifecycle_version
    ADD CONSTRAINT lifecycle_version_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lifecycle_workers
    ADD CONSTRAINT lifecycle_workers_pkey PRIMARY KEY (workerid, masterid);
CREATE INDEX lifecycle_actions_worker ON public.lifecycle_actions USING btree (workerid, id);
CREATE INDEX lifecycle_episodes_counted ON public.lifecycle_episodes USING btree (counted, id);
CREATE INDEX lifecycle_episodes_ended ON public.lifecycle_episodes USING btree (ended_at);
CREATE INDEX lifecycle_episodes_outcome ON public.lifecycle_episodes USING btree (outcome, id);
CREATE INDEX lifecycle_episodes_worker ON public.lifecycle_episodes USING btree (workerid, id);
CREATE INDEX lifecycle_episodes_worker_master ON public.lifecycle_episodes USING btree (workerid, masterid, id);
CREATE INDEX lifecycle_events_episode ON public.lifecycle_events USING btree (episode, id);
CREATE INDEX lifecycle_events_kind ON public.lifecycle_events USING btree (kind, id);
CREATE INDEX lifecycle_events_worker ON public.lifecycle_events USING btree (workerid, id);
CREATE INDEX lifecycle_events_worker_kind ON public.lifecycle_events USING btree (workerid, kind, id);
CREATE INDEX lifecycle_incarnations_master ON public.lifecycle_incarnations USING btree (masterid, id);
CREATE INDEX lifecycle_orphans_closed ON public.lifecycle_orphans USING btree (closed_at);
CREATE INDEX lifecycle_orphans_worker ON public.lifecycle_orphans USING btree (workerid, id);
CREATE INDEX lifecycle_requests_answered ON public.lifecycle_requests USING btree (answered_at);
