namespace Rag.Telemetry;

/// <summary>When backups of each kind were last made and proven; the slice of backups, which stands below this one, says so.</summary>
internal sealed class BackupTimes
{
    public static readonly IReadOnlyList<string> Kinds = ["daily", "weekly", "monthly"];

    // A backup that was never made is as old as can be: the alert on it must not wait for the first.
    private volatile IReadOnlyDictionary<string, (DateTimeOffset Made, DateTimeOffset Proven)> _times = Kinds.ToDictionary(k => k, _ => (DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch));

    /// <summary>By kind; 1970 for never.</summary>
    public IReadOnlyDictionary<string, (DateTimeOffset Made, DateTimeOffset Proven)> Times
    {
        get => _times;
        set => _times = value;
    }
}
