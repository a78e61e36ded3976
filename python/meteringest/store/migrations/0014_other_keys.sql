-- Keys beside the global unicast ones: see docs/registry.md.
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS broadcast_key String COMMENT 'sealed; the global broadcast encryption key'
;;
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS dedicated_key String COMMENT 'sealed; the dedicated key of its association'
;;
ALTER TABLE m.meters $on_cluster ADD COLUMN IF NOT EXISTS kek String COMMENT 'sealed; the key that wraps others'
