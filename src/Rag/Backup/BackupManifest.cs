using System.Text.Json.Serialization;

namespace Rag.Backup;

internal static class BackupKind
{
    /// <summary>Application data: every table that is not derived.</summary>
    public const string Daily = "daily";

    /// <summary>Application data, the database in its own format, configuration without secrets, dashboards and rules.</summary>
    public const string Weekly = "weekly";

    /// <summary>As daily; its copy off-site is what is proved.</summary>
    public const string Monthly = "monthly";

    /// <summary>As daily, of a point in time that was gone back to; never made by itself.</summary>
    public const string Point = "point";

    public static readonly IReadOnlyList<string> All = [Daily, Weekly, Monthly];
}

/// <summary>What a backup is: everything that is needed to know whether it is whole, and what is in it.</summary>
/// <param name="Format">Version of this format; a release refuses what is newer than it knows.</param>
/// <param name="Id">Of the backup; also the name of its folder.</param>
/// <param name="Sequence">Counts up with every backup of an installation.</param>
/// <param name="Previous">The backup before this one; null for the first.</param>
/// <param name="Engine">Engine that the record was on: <c>sqlite</c> or <c>postgres</c>.</param>
/// <param name="Schema">Number of the last migration of the record.</param>
/// <param name="StartedAt">UTC microseconds; the record is as it was a moment later.</param>
/// <param name="Position">Change-log position that everything in here is at.</param>
/// <param name="Audit">The audit record in here; null where it is empty.</param>
/// <param name="Serials">The last number that each counting column gave, by table.</param>
/// <param name="LeftOut">Tables that are not in here, each with the reason.</param>
/// <param name="Key">Id of the key that sealed it.</param>
/// <param name="Mac">HMAC-SHA256 with that key over this manifest without this member, hexadecimal.</param>
internal sealed record BackupManifest(
    int Format, string Id, string Kind, long Sequence, PreviousBackup? Previous, string Product, string Engine, long Schema, long StartedAt, long CompletedAt, long Position,
    BackupAudit? Audit, IReadOnlyList<BackupPart> Parts, IReadOnlyDictionary<string, long> Serials, IReadOnlyDictionary<string, string> LeftOut, string Key, string? Mac)
{
    public const int CurrentFormat = 1;

    [JsonIgnore]
    public long Rows => Parts.Sum(p => p.Rows);

    [JsonIgnore]
    public long PlainBytes => Parts.Sum(p => p.PlainBytes);

    [JsonIgnore]
    public long StoredBytes => Parts.Sum(p => p.StoredBytes);
}

/// <param name="Manifest">SHA-256 of its manifest file.</param>
internal sealed record PreviousBackup(string Id, string Manifest);

/// <param name="Key">SHA-256 of the public key that checkpoints are signed with: another key file cannot read these records.</param>
/// <param name="Checkpoint">The last signed checkpoint, as it was published; null where none was yet.</param>
internal sealed record BackupAudit(string Key, long Records, string? Checkpoint);

internal static class PartKind
{
    /// <summary>Rows of a table.</summary>
    public const string Rows = "rows";

    /// <summary>The database in its own format: a file of SQLite, or of pg_dump -Fc.</summary>
    public const string Native = "native";

    /// <summary>Some other file: configuration, dashboards, rules.</summary>
    public const string File = "file";
}

/// <summary>One file of a backup.</summary>
/// <param name="File">Its name in the backup's folder.</param>
/// <param name="Name">The table, or the path of the file that it holds.</param>
/// <param name="Columns">Of the table, in the order of the fields of a row; null for other kinds.</param>
/// <param name="Rows">0 for other kinds.</param>
/// <param name="Digest">The rows' <see cref="TableDigest"/>; null for other kinds.</param>
/// <param name="PlainSha256">Of what it holds.</param>
/// <param name="StoredSha256">Of the file.</param>
internal sealed record BackupPart(
    string File, string Kind, string Name, IReadOnlyList<BackupColumn>? Columns, long Rows, string? Digest, long PlainBytes, string PlainSha256, long StoredBytes, string StoredSha256);

/// <param name="Type"><c>integer</c>, <c>real</c>, <c>text</c> or <c>bytes</c>.</param>
internal sealed record BackupColumn(string Name, string Type);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(BackupManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
