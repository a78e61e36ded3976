-- The registry; keys are sealed under a master key that is not kept here.
CREATE TABLE IF NOT EXISTS m.meters $on_cluster
(
    meter              UInt32 COMMENT 'dense number of our own',
    serial             String COMMENT 'as on the plate',
    system_title       String COMMENT '16 hexadecimal digits',
    dcu                UInt32 COMMENT 'concentrator, 0 unknown',
    encryption_key     String COMMENT 'sealed',
    authentication_key String COMMENT 'sealed',
    security           String COMMENT 'what its frames must carry at the least',
    layout             String COMMENT 'profile layout',
    interval_s         UInt32 COMMENT 'length of its interval, s',
    time_policy        String COMMENT 'how its clock becomes UTC',
    phase              String COMMENT '1ph or 3ph',
    sanctioned_load_w  UInt32 COMMENT 'W',
    account            UInt64 COMMENT 'consumer account, 0 none',
    feeder             String,
    village            String,
    active             UInt8  COMMENT '1 in use, 0 removed',
    ver                UInt64 COMMENT 'the higher one wins'
)
ENGINE = $replacing_ver
ORDER BY meter
SETTINGS $durable
;;
CREATE TABLE IF NOT EXISTS m.dcus $on_cluster
(
    dcu     UInt32,
    name    String COMMENT 'certificate name or peer address it is known by',
    area    String,
    active  UInt8  COMMENT '1 in use, 0 removed',
    ver     UInt64 COMMENT 'the higher one wins'
)
ENGINE = $replacing_ver
ORDER BY dcu
SETTINGS $durable
