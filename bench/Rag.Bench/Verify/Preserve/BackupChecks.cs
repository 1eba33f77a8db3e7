namespace Rag.Bench.Verify.Preserve;

/// <summary>What backups hold, refuse, survive and cost.</summary>
internal static class BackupChecks
{
    public static IEnumerable<Check> All() => [.. BackupLoadCheck.All(), .. BackupDamageCheck.All(), .. BackupKillCheck.All(), .. BackupSpeedChecks.All()];
}
