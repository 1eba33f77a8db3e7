namespace Rag.Backup;

/// <summary>The keys that backups are sealed with: the newest seals, all open.</summary>
internal sealed class BackupKeys
{
    public static string? Problem(string path) => throw new NotImplementedException();
}
