BEGIN TRANSACTION;
CREATE TABLE entry (
            seq INTEGER NOT NULL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, study TEXT NOT NULL,
            experiment INTEGER, event TEXT NOT NULL, digest TEXT NOT NULL);
INSERT INTO "entry" VALUES(1,1790000000.25,'mar5',NULL,'{"type":"study_started","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","contract":"[target]\n","scale":"default","agent":"tuner","secret":"5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e","sandbox":"process","promises":[],"waived":[],"machine":{},"jumar":""}','7a8ed9f93418d1793d297ad838196f9c15b04590efda10b0f966440c350b5b2d');
INSERT INTO "entry" VALUES(2,1790000000.25,'mar5',NULL,'{"type":"resumed","pid":1,"host":"h"}','0fa39df3059567c140f775fa08191b5c1819c429198cef26f93d5b7a1bd1ab97');
INSERT INTO "entry" VALUES(3,1790000001.25,'mar5',0,'{"type":"proposed","experiment":{"number":0,"parent":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","tree":"tree 0","hypothesis":"idea 0: wärmer ≥ kälter","agent":"tuner","predicted":null,"details":{"knobs":{"LR":0.01,"name":null}},"cost":{"usd":0.0,"tokens":0,"seconds":0.0},"edits":""}}','a9dc6035dc5035e9b847460f9e9b9ba1c62e8df7e71df4a5d0f37888ac58deba');
INSERT INTO "entry" VALUES(4,1790000001.25,'mar5',0,'{"type":"run_started","run":{"key":"0-0","experiment":0,"commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seed":0,"purpose":"screen","side":"candidate","pair":0,"attempt":0}}','db6e9da0944e5914a9f6057d70c10fa072b2c8549ed2e160bbacd378fb9de38f');
INSERT INTO "entry" VALUES(5,1790000001.25,'mar5',0,'{"type":"run_ended","key":"0-0","outcome":{"type":"measured","value":1.5,"others":{"cpu_s":1.0},"items":[1.5,1.5]},"report":{"ending":"exited","exit_code":0,"wall_s":1.0,"cpu_s":1.0,"peak_memory_bytes":1048576,"output_bytes":100,"disk_bytes":0,"detail":"","servers":[]},"artefacts":{"log":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}','1a88e15b47c8a8fa5a1aaf5adb5f24b6e53754cfcb66fd65ba4c3e8f49603247');
INSERT INTO "entry" VALUES(6,1790000001.25,'mar5',0,'{"type":"judged","experiment":0,"verdict":{"decision":"kept","reason":"as the evidence says","code":"","gain":0.1,"interval":[0.05,0.15],"evidence":{}}}','77b6adf6d418e2f2282c2b7a868b7fd049d1617d854a19db863d67c6fce61a65');
INSERT INTO "entry" VALUES(7,1790000002.25,'mar5',1,'{"type":"proposed","experiment":{"number":1,"parent":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"0000000000000000000000000000000000000001","tree":"tree 1","hypothesis":"idea 1: wärmer ≥ kälter","agent":"tuner","predicted":null,"details":{"knobs":{"LR":0.01,"name":null}},"cost":{"usd":0.5,"tokens":0,"seconds":0.0},"edits":""}}','e912960a464269ca6dd6fa4d0322bb5014ac49c1d5b9f10f379cec204976b2bd');
INSERT INTO "entry" VALUES(8,1790000002.25,'mar5',1,'{"type":"run_started","run":{"key":"1-0","experiment":1,"commit":"0000000000000000000000000000000000000001","seed":0,"purpose":"screen","side":"candidate","pair":0,"attempt":0}}','cfdfcde159c12a0f40c217d0341ef9aa90a667dc289cda6ad68b3bea107acdb7');
INSERT INTO "entry" VALUES(9,1790000002.25,'mar5',1,'{"type":"run_lost","key":"1-0","reason":"power cut"}','3a4ce6a213f87ebe4ddecbedc2659caabfbfe6324e6ebbcdc5f2b61fb7dee463');
INSERT INTO "entry" VALUES(10,1790000002.25,'mar5',1,'{"type":"run_started","run":{"key":"1-1","experiment":1,"commit":"0000000000000000000000000000000000000001","seed":1,"purpose":"screen","side":"candidate","pair":0,"attempt":0}}','74f8d7ff5b34e7c710439d1ea6e55649a8773f84c647bdd5ac6706ccb2da37aa');
INSERT INTO "entry" VALUES(11,1790000002.25,'mar5',1,'{"type":"run_ended","key":"1-1","outcome":{"type":"measured","value":1.25,"others":{"cpu_s":1.0},"items":[1.25,1.25]},"report":{"ending":"exited","exit_code":0,"wall_s":1.0,"cpu_s":1.0,"peak_memory_bytes":1048576,"output_bytes":100,"disk_bytes":0,"detail":"","servers":[]},"artefacts":{"log":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}','ffed7883f0896cffa975d64f32e2532ad03dbb888b59ce11149f99ad15b2cc09');
INSERT INTO "entry" VALUES(12,1790000002.25,'mar5',1,'{"type":"judged","experiment":1,"verdict":{"decision":"kept","reason":"as the evidence says","code":"","gain":0.1,"interval":[0.05,0.15],"evidence":{}}}','6923dcd2c9028ba5234383a4a43e1fa5785ff4fcba1beddd5f6df7923fa480a2');
INSERT INTO "entry" VALUES(13,1790000003.25,'mar5',NULL,'{"type":"certified","claim":{"experiment":1,"baseline":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","champion":"0000000000000000000000000000000000000001","baseline_value":2.0,"champion_value":1.8,"relative":0.1,"relative_interval":[0.09,0.11],"pairs":3,"certified":true,"reason":"every pair agrees","self_reported":false}}','976767fca58b0af586ecdc2a0922fa4d4385c05ce861f4ff4e3d23ed9a63b6aa');
INSERT INTO "entry" VALUES(14,1790000003.25,'mar5',NULL,'{"type":"rested","reason":"2 experiments","finished":true}','20fbbdbb3bb7adecceef73738c8792b3350c7339cc48138d39ff9cda680cc3ef');
INSERT INTO "entry" VALUES(15,1790000004.25,'mar6',NULL,'{"type":"study_started","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","contract":"[target]\n","scale":"default","agent":"tuner","secret":"5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e","sandbox":"process","promises":[],"waived":[],"machine":{},"jumar":""}','b9beb4dd37c5f6412d733d2e4d403053c0f350b5d1bb7dbd8256a27100e09c12');
INSERT INTO "entry" VALUES(16,1790000004.25,'mar6',0,'{"type":"proposed","experiment":{"number":0,"parent":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","tree":"tree 0","hypothesis":"idea 0: wärmer ≥ kälter","agent":"tuner","predicted":null,"details":{"knobs":{"LR":0.01,"name":null}},"cost":{"usd":0.0,"tokens":0,"seconds":0.0},"edits":""}}','0dd28685068790770531c9b186adba557a9c826349122a0eabb17310e7398164');
INSERT INTO "entry" VALUES(17,1790000004.25,'mar6',0,'{"type":"run_started","run":{"key":"0-0","experiment":0,"commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","seed":0,"purpose":"screen","side":"candidate","pair":0,"attempt":0}}','ca046eb44ddf9eacced3ccaba6056476857ce67e9123ca756c517de11374c91a');
CREATE TABLE experiment (
            study TEXT NOT NULL, number INTEGER NOT NULL, commit_sha TEXT NOT NULL, judged INTEGER,
            PRIMARY KEY (study, number));
INSERT INTO "experiment" VALUES('mar5',0,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',6);
INSERT INTO "experiment" VALUES('mar5',1,'0000000000000000000000000000000000000001',12);
INSERT INTO "experiment" VALUES('mar6',0,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL);
CREATE TABLE run (
            study TEXT NOT NULL, key TEXT NOT NULL, experiment INTEGER NOT NULL, ended INTEGER,
            PRIMARY KEY (study, key),
            FOREIGN KEY (study, experiment) REFERENCES experiment (study, number));
INSERT INTO "run" VALUES('mar5','0-0',0,5);
INSERT INTO "run" VALUES('mar5','1-0',1,9);
INSERT INTO "run" VALUES('mar5','1-1',1,11);
INSERT INTO "run" VALUES('mar6','0-0',0,NULL);
CREATE TABLE schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema" VALUES(1);
CREATE TABLE study (
            name TEXT NOT NULL PRIMARY KEY,
            started INTEGER NOT NULL, last INTEGER NOT NULL, certified INTEGER,
            condition TEXT NOT NULL, reason TEXT NOT NULL,
            champion INTEGER NOT NULL, champion_commit TEXT NOT NULL,
            open INTEGER NOT NULL, kept INTEGER NOT NULL, discarded INTEGER NOT NULL,
            failed INTEGER NOT NULL, invalid INTEGER NOT NULL, cost_usd DOUBLE PRECISION NOT NULL);
INSERT INTO "study" VALUES('mar5',1,14,13,'finished','2 experiments',1,'0000000000000000000000000000000000000001',0,1,0,0,0,0.5);
INSERT INTO "study" VALUES('mar6',15,17,NULL,'resting','',0,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',1,0,0,0,0,0.0);
CREATE INDEX entry_of_study ON entry (study, seq);
CREATE INDEX entry_of_experiment ON entry (study, experiment, seq);
CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry
            BEGIN SELECT RAISE(ABORT, 'what is in the ledger never changes'); END;
CREATE TRIGGER entry_never_goes BEFORE DELETE ON entry
            BEGIN SELECT RAISE(ABORT, 'what is in the ledger never goes'); END;
COMMIT;
