-- The table of the records, in Apache Iceberg, format version 2, as the stack creates it. Run this
-- only where there is no stack. Replace my-project-lake-ACCOUNT-REGION by the bucket's name.
CREATE TABLE IF NOT EXISTS `my_project`.`env_room` (
  `device_id` string,
  `boot` bigint,
  `seq` bigint,
  `ts` timestamp COMMENT 'UTC',
  `meta` map<string,string>,
  `temperature` double COMMENT 'the room’s, measured, in K',
  `order` bigint,
  `motion` boolean,
  `state` string,
  `newest` string,
  `site` string,
  `sequence_number` string,
  `year` int COMMENT 'of ts, in UTC',
  `month` int COMMENT 'of ts, in UTC',
  `day` int COMMENT 'of ts, in UTC'
)
PARTITIONED BY (`year`, `month`, `day`)
LOCATION 's3://my-project-lake-ACCOUNT-REGION/iceberg/env_room/'
TBLPROPERTIES (
  'table_type' = 'ICEBERG',
  'format' = 'parquet',
  'write_compression' = 'zstd'
);
