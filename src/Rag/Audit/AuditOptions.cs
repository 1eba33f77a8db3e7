using Rag.Foundation;

namespace Rag.Audit;

/// <summary>Section <c>Audit</c>.</summary>
internal sealed class AuditOptions : IValidatedOptions
{
    public string Section => "Audit";

    /// <summary>
    /// File with the key that signs checkpoints and the secret that seals records ('rag audit key create' makes one). With
    /// SQLite it is made in the data directory where this is empty; with PostgreSQL every replica must have the same.
    /// </summary>
    public string KeyFile { get; set; } = "";

    /// <summary>Name of this record on its checkpoints and in its public key: an address without a scheme, one for each record.</summary>
    public string Origin { get; set; } = "rag-system/audit";

    /// <summary>How often a checkpoint is signed and copied outside, seconds.</summary>
    public int CheckpointSeconds { get; set; } = 60;

    public AuditCheckpointOptions Checkpoints { get; set; } = new();

    /// <summary>How long a record is kept, years; segments under a hold are kept for longer.</summary>
    public int RetentionYears { get; set; } = 7;

    /// <summary>A segment is closed at the end of a month, and when it has this many records.</summary>
    public int SegmentRecords { get; set; } = 1_000_000;

    /// <summary>Keeps the text of questions, and not only a keyed hash of it.</summary>
    public bool QuestionText { get; set; }

    /// <summary>Bound of what waits on this replica's disk while the record cannot take it, megabytes.</summary>
    public int SpoolMb { get; set; } = 64;

    /// <summary>The engine of the record, which decides whether a key file must be named.</summary>
    internal string StorageProvider { get; set; } = "sqlite";

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeyFile.Length > 0)
        {
            if (AuditKeys.Problem(KeyFile) is { } problem) yield return new("Audit:KeyFile", problem, "make a key with 'rag audit key create FILE' and give every replica the same");
        }
        else if (StorageProvider == "postgres") yield return new("Audit:KeyFile", "is empty, and replicas that share a record need the same key", "make one with 'rag audit key create FILE' and give every replica the same");
        if (Origin.Length is < 1 or > 200 || Origin.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c == '+')) yield return new("Audit:Origin", $"'{Origin}' is not a name for checkpoints", "use up to 200 characters without white space and '+', such as rag.example/audit");
        if (CheckpointSeconds is < 1 or > 3_600) yield return new("Audit:CheckpointSeconds", $"{CheckpointSeconds} is out of range", "choose 1 to 3600");
        if (RetentionYears is < 1 or > 100) yield return new("Audit:RetentionYears", $"{RetentionYears} is out of range", "choose 1 to 100");
        if (SegmentRecords is < 16 or > 100_000_000) yield return new("Audit:SegmentRecords", $"{SegmentRecords} is out of range", "choose 16 to 100000000");
        if (SpoolMb is < 1 or > 100_000) yield return new("Audit:SpoolMb", $"{SpoolMb} is out of range", "choose 1 to 100000");
        foreach (var error in Checkpoints.Validate()) yield return error;
    }
}

/// <summary>Section <c>Audit:Checkpoints</c>: where signed checkpoints go, out of reach of whoever owns the record.</summary>
internal sealed class AuditCheckpointOptions
{
    /// <summary>Folder that checkpoints are appended to; <c>audit/checkpoints</c> in the data directory where it is empty.</summary>
    public string Directory { get; set; } = "";

    /// <summary>A witness that gets every checkpoint by POST; none where it is empty.</summary>
    public string Url { get; set; } = "";

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Url.Length > 0 && (!Uri.TryCreate(Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")))
            yield return new("Audit:Checkpoints:Url", $"'{Url}' is not an address", "write it as https://witness.example/checkpoints, or leave it empty");
    }
}
