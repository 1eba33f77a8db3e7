using Rag.Backup.OffSite;
using Rag.Foundation;

namespace Rag.Backup;

/// <summary>Section <c>Backup</c>.</summary>
internal sealed class BackupOptions : IValidatedOptions
{
    public string Section => "Backup";

    /// <summary>Folder that backups are kept in; <c>backups</c> in the data directory where it is empty. Give it a disk of its own.</summary>
    public string Directory { get; set; } = "";

    /// <summary>
    /// File with the keys that backups are sealed with ('rag backup key create' makes one). With SQLite it is made in the data
    /// directory where this is empty; with PostgreSQL it must be named before a backup can be made.
    /// </summary>
    public string KeyFile { get; set; } = "";

    /// <summary>Level of Zstandard: 1 is fastest, 19 smallest.</summary>
    public int CompressionLevel { get; set; } = 1;

    /// <summary>A part of a backup holds about this much of a table before it is compressed, megabytes; an interrupted backup keeps its whole parts.</summary>
    public int PartMb { get; set; } = 128;

    /// <summary>How long a backup or a restore may take at most, hours.</summary>
    public int LimitHours { get; set; } = 12;

    /// <summary>The program pg_dump, for weekly backups of PostgreSQL; looked for on PATH where it is empty.</summary>
    public string PgDump { get; set; } = "";

    public PgBackRestOptions PgBackRest { get; set; } = new();

    public OffSiteOptions OffSite { get; set; } = new();

    /// <summary>Folder for the scratch stores of drills; <c>scratch</c> in the data directory where it is empty. A drill needs room for the record (with SQLite), its index, and for a copy that comes from off-site.</summary>
    public string ScratchDirectory { get; set; } = "";

    /// <summary>How many of the last answered questions a backup keeps to be asked again in a drill.</summary>
    public int GoldenQuestions { get; set; } = 20;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeyFile.Length > 0 && BackupKeys.Problem(KeyFile) is { } problem) yield return new("Backup:KeyFile", problem, "make a key with 'rag backup key create FILE', or put back the one that your backups were made with");
        if (CompressionLevel is < 1 or > 19) yield return new("Backup:CompressionLevel", $"{CompressionLevel} is out of range", "choose 1 to 19");
        if (PartMb is < 1 or > 4_096) yield return new("Backup:PartMb", $"{PartMb} is out of range", "choose 1 to 4096");
        if (GoldenQuestions is < 0 or > 1_000) yield return new("Backup:GoldenQuestions", $"{GoldenQuestions} is out of range", "choose 0 to 1000");
        foreach (var error in OffSite.Validate()) yield return error;
        if (LimitHours is < 1 or > 168) yield return new("Backup:LimitHours", $"{LimitHours} is out of range", "choose 1 to 168");
    }
}

/// <summary>Section <c>Backup:PgBackRest</c>: going back to a point in time, where pgBackRest keeps PostgreSQL's log.</summary>
internal sealed class PgBackRestOptions
{
    /// <summary>Name of the stanza; empty: there is no pgBackRest.</summary>
    public string Stanza { get; set; } = "";

    /// <summary>The program pgbackrest; looked for on PATH where it is empty.</summary>
    public string Program { get; set; } = "";

    /// <summary>Its configuration file; its own default where it is empty.</summary>
    public string ConfigFile { get; set; } = "";

    /// <summary>Folder in which the point in time is restored and started meanwhile; the system's for temporary files where it is empty. It needs as much room as the database.</summary>
    public string Scratch { get; set; } = "";
}
