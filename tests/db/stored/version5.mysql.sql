CREATE TABLE `lifecycle_actions` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `token` varchar(100) NOT NULL,
  `workerid` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `episode` bigint(20) DEFAULT NULL,
  `what` varchar(100) NOT NULL,
  `at` double NOT NULL,
  `status` varchar(100) NOT NULL,
  `finished_at` double DEFAULT NULL,
  `actor` longtext NOT NULL,
  `data` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `token` (`token`),
  KEY `lifecycle_actions_worker` (`workerid`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_actions VALUES (1,'a1',7,1,NULL,'force-disconnect',1000.0e0,'done',1001.0e0,'ann','{\"reason\":\"hung \\u2603\",\"steps\":[],\"pause\":true,\"override\":false}');
CREATE TABLE `lifecycle_beliefs` (
  `masterid` bigint(20) NOT NULL,
  `believed_at` double NOT NULL,
  `doubted_at` double DEFAULT NULL,
  PRIMARY KEY (`masterid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_beliefs VALUES (1,6000.0e0,NULL);
CREATE TABLE `lifecycle_episodes` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `incarnation` bigint(20) NOT NULL,
  `first_seq` bigint(20) NOT NULL,
  `workerid` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `started_at` double NOT NULL,
  `ended_at` double DEFAULT NULL,
  `outcome` varchar(100) DEFAULT NULL,
  `start_s` double DEFAULT NULL,
  `connect_s` double DEFAULT NULL,
  `up_s` double DEFAULT NULL,
  `stop_s` double DEFAULT NULL,
  `builds` int(11) NOT NULL,
  `data` longtext NOT NULL,
  `counted` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `lifecycle_episodes_seq` (`incarnation`,`first_seq`),
  KEY `lifecycle_episodes_ended` (`ended_at`),
  KEY `lifecycle_episodes_worker` (`workerid`,`id`),
  KEY `lifecycle_episodes_worker_master` (`workerid`,`masterid`,`id`),
  KEY `lifecycle_episodes_counted` (`counted`,`id`),
  KEY `lifecycle_episodes_outcome` (`outcome`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_episodes VALUES (1,1,2,7,1,1000.125e0,1001.375e0,'ok',0.125e0,0.125e0,0.125e0,0.125e0,0,'{\"first_seq\":2,\"workerid\":7,\"started_at\":1000.125,\"phases\":[{\"state\":\"substantiating\",\"since\":1000.125,\"until\":1000.25},{\"state\":\"substantiating_starting\",\"since\":1000.25,\"until\":1000.75},{\"state\":\"substantiated\",\"since\":1000.75,\"until\":1000.875},{\"state\":\"insubstantiating\",\"since\":1000.875,\"until\":1001.375}],\"ended_at\":1001.375,\"outcome\":\"ok\",\"instance\":\"i-1\",\"connected_at\":1000.625,\"started\":true,\"start_s\":0.125,\"start_ended_at\":1000.5,\"stop_s\":0.125,\"start_answered\":true}',1);
INSERT INTO lifecycle_episodes VALUES (2,1,15,7,1,1001.5e0,NULL,NULL,0.125e0,0.125e0,NULL,NULL,0,'{\"first_seq\":15,\"workerid\":7,\"started_at\":1001.5,\"phases\":[{\"state\":\"substantiating\",\"since\":1001.5,\"until\":1001.625},{\"state\":\"substantiating_starting\",\"since\":1001.625,\"until\":1002.125},{\"state\":\"substantiated\",\"since\":1002.125}],\"instance\":\"i-1\",\"connected_at\":1002.0,\"started\":true,\"start_s\":0.125,\"start_ended_at\":1001.875,\"start_answered\":true}',NULL);
INSERT INTO lifecycle_episodes VALUES (3,2,2,7,2,5000.125e0,5001.375e0,'ok',0.125e0,0.125e0,0.125e0,0.125e0,0,'{\"first_seq\":2,\"workerid\":7,\"started_at\":5000.125,\"phases\":[{\"state\":\"substantiating\",\"since\":5000.125,\"until\":5000.25},{\"state\":\"substantiating_starting\",\"since\":5000.25,\"until\":5000.75},{\"state\":\"substantiated\",\"since\":5000.75,\"until\":5000.875},{\"state\":\"insubstantiating\",\"since\":5000.875,\"until\":5001.375}],\"ended_at\":5001.375,\"outcome\":\"ok\",\"instance\":\"i-1\",\"connected_at\":5000.625,\"started\":true,\"start_s\":0.125,\"start_ended_at\":5000.5,\"stop_s\":0.125,\"start_answered\":true}',1);
CREATE TABLE `lifecycle_events` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `incarnation` bigint(20) NOT NULL,
  `seq` bigint(20) NOT NULL,
  `workerid` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `episode` bigint(20) DEFAULT NULL,
  `kind` varchar(100) NOT NULL,
  `at` double NOT NULL,
  `from_state` varchar(100) DEFAULT NULL,
  `to_state` varchar(100) DEFAULT NULL,
  `expected` tinyint(1) DEFAULT NULL,
  `data` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `lifecycle_events_seq` (`incarnation`,`seq`),
  KEY `lifecycle_events_worker` (`workerid`,`id`),
  KEY `lifecycle_events_episode` (`episode`,`id`),
  KEY `lifecycle_events_kind` (`kind`,`id`),
  KEY `lifecycle_events_worker_kind` (`workerid`,`kind`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=29 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_events VALUES (1,1,2,7,1,1,'transition',1000.125e0,'not_substantiated','substantiating',1,'{\"from\":\"not_substantiated\",\"to\":\"substantiating\",\"expected\":true,\"build\":{\"builder\":\"b\",\"number\":1}}');
INSERT INTO lifecycle_events VALUES (2,1,3,7,1,1,'transition',1000.25e0,'substantiating','substantiating_starting',1,'{\"from\":\"substantiating\",\"to\":\"substantiating_starting\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (3,1,4,7,1,1,'call_started',1000.375e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":1}');
INSERT INTO lifecycle_events VALUES (4,1,5,7,1,1,'call_ended',1000.5e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":1,\"outcome\":\"true\",\"instance\":\"i-1\"}');
INSERT INTO lifecycle_events VALUES (5,1,6,7,1,1,'attached',1000.625e0,NULL,NULL,NULL,'{\"peer\":\"127.0.0.1\"}');
INSERT INTO lifecycle_events VALUES (6,1,7,7,1,1,'transition',1000.75e0,'substantiating_starting','substantiated',1,'{\"from\":\"substantiating_starting\",\"to\":\"substantiated\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (7,1,9,7,1,1,'transition',1000.875e0,'substantiated','insubstantiating',1,'{\"from\":\"substantiated\",\"to\":\"insubstantiating\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (8,1,10,7,1,1,'call_started',1001.0e0,NULL,NULL,NULL,'{\"call\":\"stop_instance\",\"token\":8}');
INSERT INTO lifecycle_events VALUES (9,1,11,7,1,1,'call_ended',1001.125e0,NULL,NULL,NULL,'{\"call\":\"stop_instance\",\"token\":8,\"outcome\":\"true\"}');
INSERT INTO lifecycle_events VALUES (10,1,12,7,1,1,'detached',1001.25e0,NULL,NULL,NULL,'{}');
INSERT INTO lifecycle_events VALUES (11,1,13,7,1,1,'transition',1001.375e0,'insubstantiating','not_substantiated',1,'{\"from\":\"insubstantiating\",\"to\":\"not_substantiated\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (12,1,15,7,1,2,'transition',1001.5e0,'not_substantiated','substantiating',1,'{\"from\":\"not_substantiated\",\"to\":\"substantiating\",\"expected\":true,\"build\":{\"builder\":\"b\",\"number\":1}}');
INSERT INTO lifecycle_events VALUES (13,1,16,7,1,2,'transition',1001.625e0,'substantiating','substantiating_starting',1,'{\"from\":\"substantiating\",\"to\":\"substantiating_starting\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (14,1,17,7,1,2,'call_started',1001.75e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":14}');
INSERT INTO lifecycle_events VALUES (15,1,18,7,1,2,'call_ended',1001.875e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":14,\"outcome\":\"true\",\"instance\":\"i-1\"}');
INSERT INTO lifecycle_events VALUES (16,1,19,7,1,2,'attached',1002.0e0,NULL,NULL,NULL,'{\"peer\":\"127.0.0.1\"}');
INSERT INTO lifecycle_events VALUES (17,1,20,7,1,2,'transition',1002.125e0,'substantiating_starting','substantiated',1,'{\"from\":\"substantiating_starting\",\"to\":\"substantiated\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (18,2,2,7,2,3,'transition',5000.125e0,'not_substantiated','substantiating',1,'{\"from\":\"not_substantiated\",\"to\":\"substantiating\",\"expected\":true,\"build\":{\"builder\":\"b\",\"number\":1}}');
INSERT INTO lifecycle_events VALUES (19,2,3,7,2,3,'transition',5000.25e0,'substantiating','substantiating_starting',1,'{\"from\":\"substantiating\",\"to\":\"substantiating_starting\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (20,2,4,7,2,3,'call_started',5000.375e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":1}');
INSERT INTO lifecycle_events VALUES (21,2,5,7,2,3,'call_ended',5000.5e0,NULL,NULL,NULL,'{\"call\":\"start_instance\",\"token\":1,\"outcome\":\"true\",\"instance\":\"i-1\"}');
INSERT INTO lifecycle_events VALUES (22,2,6,7,2,3,'attached',5000.625e0,NULL,NULL,NULL,'{\"peer\":\"127.0.0.1\"}');
INSERT INTO lifecycle_events VALUES (23,2,7,7,2,3,'transition',5000.75e0,'substantiating_starting','substantiated',1,'{\"from\":\"substantiating_starting\",\"to\":\"substantiated\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (24,2,9,7,2,3,'transition',5000.875e0,'substantiated','insubstantiating',1,'{\"from\":\"substantiated\",\"to\":\"insubstantiating\",\"expected\":true}');
INSERT INTO lifecycle_events VALUES (25,2,10,7,2,3,'call_started',5001.0e0,NULL,NULL,NULL,'{\"call\":\"stop_instance\",\"token\":8}');
INSERT INTO lifecycle_events VALUES (26,2,11,7,2,3,'call_ended',5001.125e0,NULL,NULL,NULL,'{\"call\":\"stop_instance\",\"token\":8,\"outcome\":\"true\"}');
INSERT INTO lifecycle_events VALUES (27,2,12,7,2,3,'detached',5001.25e0,NULL,NULL,NULL,'{}');
INSERT INTO lifecycle_events VALUES (28,2,13,7,2,3,'transition',5001.375e0,'insubstantiating','not_substantiated',1,'{\"from\":\"insubstantiating\",\"to\":\"not_substantiated\",\"expected\":true}');
CREATE TABLE `lifecycle_incarnations` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `masterid` bigint(20) NOT NULL,
  `token` varchar(100) NOT NULL,
  `master` longtext NOT NULL,
  `pid` bigint(20) NOT NULL,
  `host` longtext NOT NULL,
  `started_at` double NOT NULL,
  `heartbeat_at` double NOT NULL,
  `ended_at` double DEFAULT NULL,
  `ended_how` varchar(100) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `token` (`token`),
  KEY `lifecycle_incarnations_master` (`masterid`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_incarnations VALUES (1,1,'run1','m1',1,'h',1000.0e0,1060.0e0,NULL,NULL);
INSERT INTO lifecycle_incarnations VALUES (2,2,'run2','m2',1,'h',5000.0e0,5060.0e0,NULL,NULL);
CREATE TABLE `lifecycle_orphans` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `token` varchar(100) NOT NULL,
  `workerid` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `episode` bigint(20) DEFAULT NULL,
  `opened_at` double NOT NULL,
  `closed_at` double DEFAULT NULL,
  `data` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `token` (`token`),
  KEY `lifecycle_orphans_closed` (`closed_at`),
  KEY `lifecycle_orphans_worker` (`workerid`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_orphans VALUES (1,'o1',7,1,NULL,1001.0e0,NULL,'{\"instance\":\"i-1\",\"cause\":\"release\"}');
CREATE TABLE `lifecycle_requests` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `token` varchar(100) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `asker` bigint(20) NOT NULL,
  `workerid` bigint(20) NOT NULL,
  `action` bigint(20) DEFAULT NULL,
  `kind` varchar(100) NOT NULL,
  `asked_at` double NOT NULL,
  `expires_at` double NOT NULL,
  `claimed_at` double DEFAULT NULL,
  `answered_at` double DEFAULT NULL,
  `claimed_by` varchar(100) DEFAULT NULL,
  `data` longtext NOT NULL,
  `answer` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `token` (`token`),
  KEY `lifecycle_requests_answered` (`answered_at`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_requests VALUES (1,'q1',2,1,7,NULL,'force',1795753128.625184e0,1795753138.625184e0,NULL,NULL,NULL,'{}','null');
CREATE TABLE `lifecycle_rollups` (
  `workerid` bigint(20) NOT NULL,
  `day` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `class` varchar(100) NOT NULL,
  `data` longtext NOT NULL,
  PRIMARY KEY (`workerid`,`day`,`masterid`,`class`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_rollups VALUES (0,0,1,'demo.Worker','{\"phases\":{\"start\":[0.125,{\"-103\":1}],\"connect\":[0.125,{\"-103\":1}],\"up\":[0.125,{\"-103\":1}],\"stop\":[0.125,{\"-103\":1}]},\"outcomes\":{\"ok\":1}}');
INSERT INTO lifecycle_rollups VALUES (0,0,2,'demo.Worker','{\"phases\":{\"start\":[0.125,{\"-103\":1}],\"connect\":[0.125,{\"-103\":1}],\"up\":[0.125,{\"-103\":1}],\"stop\":[0.125,{\"-103\":1}]},\"outcomes\":{\"ok\":1}}');
INSERT INTO lifecycle_rollups VALUES (7,0,1,'demo.Worker','{\"phases\":{\"start\":[0.125,{\"-103\":1}],\"connect\":[0.125,{\"-103\":1}],\"up\":[0.125,{\"-103\":1}],\"stop\":[0.125,{\"-103\":1}]},\"outcomes\":{\"ok\":1}}');
INSERT INTO lifecycle_rollups VALUES (7,0,2,'demo.Worker','{\"phases\":{\"start\":[0.125,{\"-103\":1}],\"connect\":[0.125,{\"-103\":1}],\"up\":[0.125,{\"-103\":1}],\"stop\":[0.125,{\"-103\":1}]},\"outcomes\":{\"ok\":1}}');
CREATE TABLE `lifecycle_version` (
  `id` int(11) NOT NULL,
  `version` int(11) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_version VALUES (1,5);
CREATE TABLE `lifecycle_workers` (
  `workerid` bigint(20) NOT NULL,
  `masterid` bigint(20) NOT NULL,
  `incarnation` bigint(20) NOT NULL,
  `name` longtext NOT NULL,
  `class` longtext NOT NULL,
  `state` varchar(100) NOT NULL,
  `state_since` double DEFAULT NULL,
  `connected` tinyint(1) NOT NULL,
  `building` longtext NOT NULL,
  `paused` tinyint(1) NOT NULL,
  `pause_reason` longtext DEFAULT NULL,
  `episode` bigint(20) DEFAULT NULL,
  `instance` longtext DEFAULT NULL,
  `pending_call` varchar(100) DEFAULT NULL,
  `pending_since` double DEFAULT NULL,
  `refused` int(11) NOT NULL,
  `held` int(11) NOT NULL,
  `removed` tinyint(1) NOT NULL,
  `verdict` longtext NOT NULL,
  `updated_at` double NOT NULL,
  `data` longtext NOT NULL,
  PRIMARY KEY (`workerid`,`masterid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO lifecycle_workers VALUES (7,1,1,'linux','demo.Worker','substantiated',1002.125e0,1,'[]',0,NULL,2,'i-1',NULL,NULL,0,0,0,'{\"level\":\"ok\",\"code\":\"healthy\",\"reason\":\"nothing is waited for\",\"since\":null,\"threshold_s\":null}',1002.125e0,'{\"workerid\":7,\"state\":\"substantiated\",\"state_since\":1002.125,\"episode\":{\"first_seq\":15,\"workerid\":7,\"started_at\":1001.5,\"phases\":[{\"state\":\"substantiating\",\"since\":1001.5,\"until\":1001.625},{\"state\":\"substantiating_starting\",\"since\":1001.625,\"until\":1002.125},{\"state\":\"substantiated\",\"since\":1002.125}],\"instance\":\"i-1\",\"connected_at\":1002.0,\"started\":true,\"start_s\":0.125,\"start_ended_at\":1001.875,\"start_answered\":true},\"instance\":\"i-1\",\"connected\":true}');
INSERT INTO lifecycle_workers VALUES (7,2,2,'linux','demo.Worker','not_substantiated',5001.375e0,0,'[]',0,NULL,NULL,NULL,NULL,NULL,0,0,0,'{\"level\":\"ok\",\"code\":\"healthy\",\"reason\":\"nothing is waited for\",\"since\":null,\"threshold_s\":null}',5001.375e0,'{\"workerid\":7,\"state_since\":5001.375}');
