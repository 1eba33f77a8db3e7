using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup;

internal enum TableClass
{
    /// <summary>Saved, and put back by a restore.</summary>
    Data,

    /// <summary>Saved. Put back into an empty record only: what is there is never taken back to an earlier state.</summary>
    Appended,

    /// <summary>Saved. Added to what an empty record has; a record in use keeps its own, so that what was revoked stays revoked, and nobody is locked out.</summary>
    Merged,

    /// <summary>Not saved, and left as it is by a restore.</summary>
    LeftOut,
}

/// <summary>
/// What becomes of each table in a backup and in a restore. Every table of the schema stands here or is refused, so that a
/// migration cannot add one that is lost in silence.
/// </summary>
internal static class TableClasses
{
    private sealed record Entry(TableClass Class, string Why);

    private static readonly Dictionary<string, Entry> Known = new(StringComparer.Ordinal)
    {
        ["collections"] = Data(), ["documents"] = Data(), ["document_versions"] = Data(), ["chunks"] = Data(),
        ["answers"] = Data(), ["idempotency_keys"] = Data(), ["idempotent_writes"] = Data(),
        ["incidents"] = Data(), ["incident_events"] = Data(), ["incident_alerts"] = Data(), ["incident_keys"] = Data(), ["incident_aliases"] = Data(), ["incident_notifications"] = Data(),
        ["maintenance_windows"] = Data(), ["runbook_runs"] = Data(), ["runbook_steps"] = Data(),
        ["slo_minutes"] = Data(), ["replica_minutes"] = Data(), ["access_profiles"] = Data(), ["canaries"] = Data(),
        ["api_keys"] = Merged(), ["grants"] = Merged(), ["access_users"] = Merged(), ["access_version"] = Appended("versions are never given twice"),
        ["security_events"] = Appended("what was seen stays seen"), ["security_scans"] = Appended("what was seen stays seen"),
        ["review_schedule"] = Appended("evidence stays"), ["reviews"] = Appended("evidence stays"), ["compliance_reports"] = Appended("evidence stays"),
        ["audit_subjects"] = Appended("what was recorded stays recorded"), ["audit_records"] = Appended("what was recorded stays recorded"),
        ["audit_tree"] = Appended("what was recorded stays recorded"), ["audit_nodes"] = Appended("what was recorded stays recorded"),
        ["audit_checkpoints"] = Appended("what was recorded stays recorded"), ["audit_segments"] = Appended("what was recorded stays recorded"),
        ["audit_holds"] = Appended("what was recorded stays recorded"),
        ["change_log"] = Appended("positions are never given twice"),
        ["retention_holds"] = Appended("a hold is not released by going back"), ["retention_deletions"] = Appended("what was removed stays said"),
        ["read_only_periods"] = LeftOut("whether writes are taken now, and were here"),
        ["maintenance_runs"] = LeftOut("what was done with this database"), ["maintenance_steps"] = LeftOut("what was done with this database"),
        ["schedule_states"] = LeftOut("what was due here"), ["schedule_runs"] = LeftOut("what ran here"),
        ["sessions"] = LeftOut("who is signed in here now"), ["form_keys"] = LeftOut("secrets of forms that are open now"), ["question_usage"] = LeftOut("what was asked today"),
        ["leases"] = LeftOut("who leads now; terms are never used again"),
        ["followers"] = LeftOut("how far the running processes are"),
        ["replicas"] = LeftOut("which processes run now"),
        ["embedding_claims"] = LeftOut("claims of running workers"),
        ["backup_drills"] = Appended("evidence stays"),
        ["off_site_copies"] = LeftOut("which copies lie off-site now"),
        ["backups"] = LeftOut("which backups lie on disk now"),
        ["backup_operations"] = LeftOut("what was done with backups here"),
        ["VersionInfo"] = LeftOut("the schema, which migrations make; the manifest has its number"),
    };

    private static readonly List<string> Order = [.. Known.Keys];

    /// <summary>The saved ones in the order in which they are put back: a table comes after those that it refers to, the change log last.</summary>
    public static IReadOnlyList<RecordTable> InOrder(IEnumerable<RecordTable> tables) => [.. tables.Where(t => IsSaved(t.Name)).OrderBy(t => Order.IndexOf(t.Name))];

    public static IReadOnlyCollection<string> Names => Known.Keys;

    public static bool IsSaved(string table) => Of(table) is not TableClass.LeftOut;

    /// <exception cref="RagException">Unsupported: the table is not known to backups.</exception>
    public static TableClass Of(string table) => Find(table).Class;

    public static string Why(string table) => Find(table).Why;

    private static Entry Find(string table)
    {
        if (Known.TryGetValue(table, out var entry)) return entry;
        if (table.StartsWith("search_", StringComparison.Ordinal)) return new(TableClass.LeftOut, "the search index, which is made from the record");
        throw new RagException(ErrorKind.Unsupported, $"The table {table} is not known to backups of this release.", "Use the release that made the table.");
    }

    private static Entry Data() => new(TableClass.Data, "");

    private static Entry Merged() => new(TableClass.Merged, "");

    private static Entry Appended(string why) => new(TableClass.Appended, why);

    private static Entry LeftOut(string why) => new(TableClass.LeftOut, why);
}
