BEGIN TRANSACTION;
CREATE TABLE lifecycle_actions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	token VARCHAR(100) NOT NULL, 
	workerid INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	episode INTEGER, 
	what VARCHAR(100) NOT NULL, 
	at FLOAT NOT NULL, 
	status VARCHAR(100) NOT NULL, 
	finished_at FLOAT, 
	actor TEXT NOT NULL, 
	data TEXT NOT NULL, 
	UNIQUE (token)
);
INSERT INTO "lifecycle_actions" VALUES(1,'a1',7,1,NULL,'force-disconnect',1000.0,'done',1001.0,'ann','{"reason":"hung \u2603","steps":[],"pause":true,"override":false}');
CREATE TABLE lifecycle_beliefs (
	masterid INTEGER NOT NULL, 
	believed_at FLOAT NOT NULL, 
	doubted_at FLOAT, 
	PRIMARY KEY (masterid)
);
INSERT INTO "lifecycle_beliefs" VALUES(1,6000.0,NULL);
CREATE TABLE lifecycle_episodes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	incarnation INTEGER NOT NULL, 
	first_seq INTEGER NOT NULL, 
	workerid INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	outcome VARCHAR(100), 
	start_s FLOAT, 
	connect_s FLOAT, 
	up_s FLOAT, 
	stop_s FLOAT, 
	builds INTEGER NOT NULL, 
	data TEXT NOT NULL, counted INTEGER, 
	CONSTRAINT lifecycle_episodes_seq UNIQUE (incarnation, first_seq)
);
INSERT INTO "lifecycle_episodes" VALUES(1,1,2,7,1,1000.125,1001.375,'ok',0.125,0.125,0.125,0.125,0,'{"first_seq":2,"workerid":7,"started_at":1000.125,"phases":[{"state":"substantiating","since":1000.125,"until":1000.25},{"state":"substantiating_starting","since":1000.25,"until":1000.75},{"state":"substantiated","since":1000.75,"until":1000.875},{"state":"insubstantiating","since":1000.875,"until":1001.375}],"ended_at":1001.375,"outcome":"ok","instance":"i-1","connected_at":1000.625,"started":true,"start_s":0.125,"start_ended_at":1000.5,"stop_s":0.125,"start_answered":true}',1);
INSERT INTO "lifecycle_episodes" VALUES(2,1,15,7,1,1001.5,NULL,NULL,0.125,0.125,NULL,NULL,0,'{"first_seq":15,"workerid":7,"started_at":1001.5,"phases":[{"state":"substantiating","since":1001.5,"until":1001.625},{"state":"substantiating_starting","since":1001.625,"until":1002.125},{"state":"substantiated","since":1002.125}],"instance":"i-1","connected_at":1002.0,"started":true,"start_s":0.125,"start_ended_at":1001.875,"start_answered":true}',NULL);
INSERT INTO "lifecycle_episodes" VALUES(3,2,2,7,2,5000.125,5001.375,'ok',0.125,0.125,0.125,0.125,0,'{"first_seq":2,"workerid":7,"started_at":5000.125,"phases":[{"state":"substantiating","since":5000.125,"until":5000.25},{"state":"substantiating_starting","since":5000.25,"until":5000.75},{"state":"substantiated","since":5000.75,"until":5000.875},{"state":"insubstantiating","since":5000.875,"until":5001.375}],"ended_at":5001.375,"outcome":"ok","instance":"i-1","connected_at":5000.625,"started":true,"start_s":0.125,"start_ended_at":5000.5,"stop_s":0.125,"start_answered":true}',1);
CREATE TABLE lifecycle_events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	incarnation INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	workerid INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	episode INTEGER, 
	kind VARCHAR(100) NOT NULL, 
	at FLOAT NOT NULL, 
	from_state VARCHAR(100), 
	to_state VARCHAR(100), 
	expected BOOLEAN, 
	data TEXT NOT NULL, 
	CONSTRAINT lifecycle_events_seq UNIQUE (incarnation, seq)
);
INSERT INTO "lifecycle_events" VALUES(1,1,2,7,1,1,'transition',1000.125,'not_substantiated','substantiating',1,'{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO "lifecycle_events" VALUES(2,1,3,7,1,1,'transition',1000.25,'substantiating','substantiating_starting',1,'{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO "lifecycle_events" VALUES(3,1,4,7,1,1,'call_started',1000.375,NULL,NULL,NULL,'{"call":"start_instance","token":1}');
INSERT INTO "lifecycle_events" VALUES(4,1,5,7,1,1,'call_ended',1000.5,NULL,NULL,NULL,'{"call":"start_instance","token":1,"outcome":"true","instance":"i-1"}');
INSERT INTO "lifecycle_events" VALUES(5,1,6,7,1,1,'attached',1000.625,NULL,NULL,NULL,'{"peer":"127.0.0.1"}');
INSERT INTO "lifecycle_events" VALUES(6,1,7,7,1,1,'transition',1000.75,'substantiating_starting','substantiated',1,'{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO "lifecycle_events" VALUES(7,1,9,7,1,1,'transition',1000.875,'substantiated','insubstantiating',1,'{"from":"substantiated","to":"insubstantiating","expected":true}');
INSERT INTO "lifecycle_events" VALUES(8,1,10,7,1,1,'call_started',1001.0,NULL,NULL,NULL,'{"call":"stop_instance","token":8}');
INSERT INTO "lifecycle_events" VALUES(9,1,11,7,1,1,'call_ended',1001.125,NULL,NULL,NULL,'{"call":"stop_instance","token":8,"outcome":"true"}');
INSERT INTO "lifecycle_events" VALUES(10,1,12,7,1,1,'detached',1001.25,NULL,NULL,NULL,'{}');
INSERT INTO "lifecycle_events" VALUES(11,1,13,7,1,1,'transition',1001.375,'insubstantiating','not_substantiated',1,'{"from":"insubstantiating","to":"not_substantiated","expected":true}');
INSERT INTO "lifecycle_events" VALUES(12,1,15,7,1,2,'transition',1001.5,'not_substantiated','substantiating',1,'{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO "lifecycle_events" VALUES(13,1,16,7,1,2,'transition',1001.625,'substantiating','substantiating_starting',1,'{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO "lifecycle_events" VALUES(14,1,17,7,1,2,'call_started',1001.75,NULL,NULL,NULL,'{"call":"start_instance","token":14}');
INSERT INTO "lifecycle_events" VALUES(15,1,18,7,1,2,'call_ended',1001.875,NULL,NULL,NULL,'{"call":"start_instance","token":14,"outcome":"true","instance":"i-1"}');
INSERT INTO "lifecycle_events" VALUES(16,1,19,7,1,2,'attached',1002.0,NULL,NULL,NULL,'{"peer":"127.0.0.1"}');
INSERT INTO "lifecycle_events" VALUES(17,1,20,7,1,2,'transition',1002.125,'substantiating_starting','substantiated',1,'{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO "lifecycle_events" VALUES(18,2,2,7,2,3,'transition',5000.125,'not_substantiated','substantiating',1,'{"from":"not_substantiated","to":"substantiating","expected":true,"build":{"builder":"b","number":1}}');
INSERT INTO "lifecycle_events" VALUES(19,2,3,7,2,3,'transition',5000.25,'substantiating','substantiating_starting',1,'{"from":"substantiating","to":"substantiating_starting","expected":true}');
INSERT INTO "lifecycle_events" VALUES(20,2,4,7,2,3,'call_started',5000.375,NULL,NULL,NULL,'{"call":"start_instance","token":1}');
INSERT INTO "lifecycle_events" VALUES(21,2,5,7,2,3,'call_ended',5000.5,NULL,NULL,NULL,'{"call":"start_instance","token":1,"outcome":"true","instance":"i-1"}');
INSERT INTO "lifecycle_events" VALUES(22,2,6,7,2,3,'attached',5000.625,NULL,NULL,NULL,'{"peer":"127.0.0.1"}');
INSERT INTO "lifecycle_events" VALUES(23,2,7,7,2,3,'transition',5000.75,'substantiating_starting','substantiated',1,'{"from":"substantiating_starting","to":"substantiated","expected":true}');
INSERT INTO "lifecycle_events" VALUES(24,2,9,7,2,3,'transition',5000.875,'substantiated','insubstantiating',1,'{"from":"substantiated","to":"insubstantiating","expected":true}');
INSERT INTO "lifecycle_events" VALUES(25,2,10,7,2,3,'call_started',5001.0,NULL,NULL,NULL,'{"call":"stop_instance","token":8}');
INSERT INTO "lifecycle_events" VALUES(26,2,11,7,2,3,'call_ended',5001.125,NULL,NULL,NULL,'{"call":"stop_instance","token":8,"outcome":"true"}');
INSERT INTO "lifecycle_events" VALUES(27,2,12,7,2,3,'detached',5001.25,NULL,NULL,NULL,'{}');
INSERT INTO "lifecycle_events" VALUES(28,2,13,7,2,3,'transition',5001.375,'insubstantiating','not_substantiated',1,'{"from":"insubstantiating","to":"not_substantiated","expected":true}');
CREATE TABLE lifecycle_incarnations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	masterid INTEGER NOT NULL, 
	token VARCHAR(100) NOT NULL, 
	master TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	started_at FLOAT NOT NULL, 
	heartbeat_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	ended_how VARCHAR(100), 
	UNIQUE (token)
);
INSERT INTO "lifecycle_incarnations" VALUES(1,1,'run1','m1',1,'h',1000.0,1060.0,NULL,NULL);
INSERT INTO "lifecycle_incarnations" VALUES(2,2,'run2','m2',1,'h',5000.0,5060.0,NULL,NULL);
CREATE TABLE lifecycle_orphans (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	token VARCHAR(100) NOT NULL, 
	workerid INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	episode INTEGER, 
	opened_at FLOAT NOT NULL, 
	closed_at FLOAT, 
	data TEXT NOT NULL, 
	UNIQUE (token)
);
INSERT INTO "lifecycle_orphans" VALUES(1,'o1',7,1,NULL,1001.0,NULL,'{"instance":"i-1","cause":"release"}');
CREATE TABLE lifecycle_requests (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	token VARCHAR(100) NOT NULL, 
	masterid INTEGER NOT NULL, 
	asker INTEGER NOT NULL, 
	workerid INTEGER NOT NULL, 
	action INTEGER, 
	kind VARCHAR(100) NOT NULL, 
	asked_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	claimed_at FLOAT, 
	answered_at FLOAT, 
	claimed_by VARCHAR(100), 
	data TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	UNIQUE (token)
);
INSERT INTO "lifecycle_requests" VALUES(1,'q1',2,1,7,NULL,'force',1.79575311889100074766e+09,1.79575312889100074768e+09,NULL,NULL,NULL,'{}','null');
CREATE TABLE lifecycle_rollups (
	workerid INTEGER NOT NULL, 
	day INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	class VARCHAR(100) NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (workerid, day, masterid, class)
);
INSERT INTO "lifecycle_rollups" VALUES(0,0,1,'demo.Worker','{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO "lifecycle_rollups" VALUES(0,0,2,'demo.Worker','{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO "lifecycle_rollups" VALUES(7,0,1,'demo.Worker','{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
INSERT INTO "lifecycle_rollups" VALUES(7,0,2,'demo.Worker','{"phases":{"start":[0.125,{"-103":1}],"connect":[0.125,{"-103":1}],"up":[0.125,{"-103":1}],"stop":[0.125,{"-103":1}]},"outcomes":{"ok":1}}');
CREATE TABLE lifecycle_version (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "lifecycle_version" VALUES(1,5);
CREATE TABLE lifecycle_workers (
	workerid INTEGER NOT NULL, 
	masterid INTEGER NOT NULL, 
	incarnation INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	class TEXT NOT NULL, 
	state VARCHAR(100) NOT NULL, 
	state_since FLOAT, 
	connected BOOLEAN NOT NULL, 
	building TEXT NOT NULL, 
	paused BOOLEAN NOT NULL, 
	pause_reason TEXT, 
	episode INTEGER, 
	instance TEXT, 
	pending_call VARCHAR(100), 
	pending_since FLOAT, 
	refused INTEGER NOT NULL, 
	held INTEGER NOT NULL, 
	removed BOOLEAN NOT NULL, 
	verdict TEXT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (workerid, masterid)
);
INSERT INTO "lifecycle_workers" VALUES(7,1,1,'linux','demo.Worker','substantiated',1002.125,1,'[]',0,NULL,2,'i-1',NULL,NULL,0,0,0,'{"level":"ok","code":"healthy","reason":"nothing is waited for","since":null,"threshold_s":null}',1002.125,'{"workerid":7,"state":"substantiated","state_since":1002.125,"episode":{"first_seq":15,"workerid":7,"started_at":1001.5,"phases":[{"state":"substantiating","since":1001.5,"until":1001.625},{"state":"substantiating_starting","since":1001.625,"until":1002.125},{"state":"substantiated","since":1002.125}],"instance":"i-1","connected_at":1002.0,"started":true,"start_s":0.125,"start_ended_at":1001.875,"start_answered":true},"instance":"i-1","connected":true}');
INSERT INTO "lifecycle_workers" VALUES(7,2,2,'linux','demo.Worker','not_substantiated',5001.375,0,'[]',0,NULL,NULL,NULL,NULL,NULL,0,0,0,'{"level":"ok","code":"healthy","reason":"nothing is waited for","since":null,"threshold_s":null}',5001.375,'{"workerid":7,"state_since":5001.375}');
CREATE INDEX lifecycle_incarnations_master ON lifecycle_incarnations (masterid, id);
CREATE INDEX lifecycle_events_worker ON lifecycle_events (workerid, id);
CREATE INDEX lifecycle_events_episode ON lifecycle_events (episode, id);
CREATE INDEX lifecycle_events_kind ON lifecycle_events (kind, id);
CREATE INDEX lifecycle_events_worker_kind ON lifecycle_events (workerid, kind, id);
CREATE INDEX lifecycle_episodes_ended ON lifecycle_episodes (ended_at);
CREATE INDEX lifecycle_episodes_worker ON lifecycle_episodes (workerid, id);
CREATE INDEX lifecycle_actions_worker ON lifecycle_actions (workerid, id);
CREATE INDEX lifecycle_orphans_closed ON lifecycle_orphans (closed_at);
CREATE INDEX lifecycle_orphans_worker ON lifecycle_orphans (workerid, id);
CREATE INDEX lifecycle_requests_answered ON lifecycle_requests (answered_at);
CREATE INDEX lifecycle_episodes_worker_master ON lifecycle_episodes (workerid, masterid, id);
CREATE INDEX lifecycle_episodes_counted ON lifecycle_episodes (counted, id);
CREATE INDEX lifecycle_episodes_outcome ON lifecycle_episodes (outcome, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('lifecycle_incarnations',2);
INSERT INTO "sqlite_sequence" VALUES('lifecycle_episodes',3);
INSERT INTO "sqlite_sequence" VALUES('lifecycle_events',28);
INSERT INTO "sqlite_sequence" VALUES('lifecycle_actions',1);
INSERT INTO "sqlite_sequence" VALUES('lifecycle_orphans',1);
INSERT INTO "sqlite_sequence" VALUES('lifecycle_requests',1);
COMMIT;
