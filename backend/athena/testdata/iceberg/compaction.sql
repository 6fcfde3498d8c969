-- From many small files to few large ones. Each statement happens at once or not at all, so
-- readers and the running job never notice. Put the day in place of 1 January 2026: compact
-- days that are over, and days into which late records came, once more.
OPTIMIZE "my_project"."env_room" REWRITE DATA USING BIN_PACK WHERE "year" = 2026 AND "month" = 1 AND "day" = 1;

-- Removes files that no snapshot needs any more. Run it again until it does not say that there is
-- more to do.
VACUUM "my_project"."env_room";
