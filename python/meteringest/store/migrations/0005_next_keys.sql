-- The keys that a meter is to turn to: see docs/registry.md.
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS next_encryption_key String COMMENT 'sealed; the key it is to turn to'
;;
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS next_authentication_key String COMMENT 'sealed; the key it is to turn to'
