-- The table of the records, as the stack creates it in the Glue Data Catalog. Run this only where
-- there is no stack. Replace my-project-lake-ACCOUNT-REGION by the bucket's name.
--
-- Athena computes the partitions: a new day is there without a crawler, and queries outside of
-- the projected years find nothing. Below a day the job writes batch=LABEL/part-….parquet, which
-- Athena reads as part of the day. A timestamp here is shown to the millisecond.
CREATE EXTERNAL TABLE IF NOT EXISTS `my_project`.`env_room` (
  `device_id` string,
  `boot` string,
  `seq` bigint,
  `ts` timestamp COMMENT 'UTC',
  `meta` map<string,string>,
  `temperature` double COMMENT 'the room’s, measured, in K',
  `order` bigint,
  `motion` boolean,
  `state` string,
  `newest` string,
  `site` string,
  `sequence_number` string
)
PARTITIONED BY (
  `year` int COMMENT 'of ts, in UTC',
  `month` int COMMENT 'of ts, in UTC',
  `day` int COMMENT 'of ts, in UTC'
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION 's3://my-project-lake-ACCOUNT-REGION/curated/env_room/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.day.digits' = '2',
  'projection.day.range' = '1,31',
  'projection.day.type' = 'integer',
  'projection.enabled' = 'true',
  'projection.month.digits' = '2',
  'projection.month.range' = '1,12',
  'projection.month.type' = 'integer',
  'projection.year.digits' = '4',
  'projection.year.range' = '2019,2050',
  'projection.year.type' = 'integer'
);
