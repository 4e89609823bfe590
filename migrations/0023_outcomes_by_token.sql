-- Up Migration

-- Each batch of the Data API's trades finds its outcomes by their tokens: without an index it read the outcomes of all
-- markets that were ever recorded.
create index outcomes_token on outcomes (tokens);
