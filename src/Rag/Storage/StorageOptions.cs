using Npgsql;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>Section <c>Storage</c>.</summary>
internal sealed class StorageOptions : IValidatedOptions
{
    public string Section => "Storage";

    /// <summary>The engine that holds the record: <c>sqlite</c> or <c>postgres</c>.</summary>
    public string Provider { get; set; } = "sqlite";

    /// <summary>Directory of everything this process keeps: index and lock, and with SQLite the record.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>How long a statement of SQLite waits for a lock that another connection holds, milliseconds.</summary>
    public int BusyTimeoutMs { get; set; } = 10_000;

    public PostgresOptions Postgres { get; set; } = new();

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Provider is not ("sqlite" or "postgres")) yield return new("Storage:Provider", $"'{Provider}' is not an engine of this release", "set it to sqlite or postgres");
        if (string.IsNullOrWhiteSpace(DataDirectory)) yield return new("Storage:DataDirectory", "is empty", "name a directory that this process may write to");
        if (BusyTimeoutMs is < 1 or > 600_000) yield return new("Storage:BusyTimeoutMs", $"{BusyTimeoutMs} is out of range", "choose 1 to 600000");
        if (Provider != "postgres") yield break;
        foreach (var error in Postgres.Validate()) yield return error;
    }
}

/// <summary>Section <c>Storage:Postgres</c>; looked at where the record is on PostgreSQL.</summary>
internal sealed class PostgresOptions
{
    /// <summary>As Npgsql writes it: <c>Host=…;Username=…;Database=…;SSL Mode=VerifyFull</c>. A secret where it holds the password.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>A file that holds the connection string, read once at start.</summary>
    public string? ConnectionStringFile { get; set; }

    /// <summary>Connections that this replica holds at most.</summary>
    public int MaxPoolSize { get; set; } = 20;

    /// <summary>How long a statement may run before the server ends it, milliseconds. Removing a collection and migrating have a bound of their own.</summary>
    public int StatementTimeoutMs { get; set; } = 5_000;

    /// <summary>How long a statement waits for a lock, milliseconds.</summary>
    public int LockTimeoutMs { get; set; } = 3_000;

    /// <summary>How long making a connection may take, milliseconds.</summary>
    public int ConnectTimeoutMs { get; set; } = 2_000;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (MaxPoolSize is < 4 or > 1_000) yield return new("Storage:Postgres:MaxPoolSize", $"{MaxPoolSize} is out of range", "choose 4 to 1000");
        if (StatementTimeoutMs is < 100 or > 600_000) yield return new("Storage:Postgres:StatementTimeoutMs", $"{StatementTimeoutMs} is out of range", "choose 100 to 600000");
        if (LockTimeoutMs is < 10 or > 600_000) yield return new("Storage:Postgres:LockTimeoutMs", $"{LockTimeoutMs} is out of range", "choose 10 to 600000");
        if (ConnectTimeoutMs is < 100 or > 60_000) yield return new("Storage:Postgres:ConnectTimeoutMs", $"{ConnectTimeoutMs} is out of range", "choose 100 to 60000");
        bool given = !string.IsNullOrWhiteSpace(ConnectionString), inFile = !string.IsNullOrWhiteSpace(ConnectionStringFile);
        string key = inFile ? "Storage:Postgres:ConnectionStringFile" : "Storage:Postgres:ConnectionString";
        if (given == inFile)
        {
            yield return new(key, given ? "both it and Storage:Postgres:ConnectionString are set" : "is empty", "set one of Storage:Postgres:ConnectionString and Storage:Postgres:ConnectionStringFile");
            yield break;
        }
        if (Problem() is { } problem) yield return new(key, problem, "write it as Host=…;Port=5432;Database=…;Username=…;Password=…");
    }

    /// <summary>The connection string as it was given.</summary>
    public NpgsqlConnectionStringBuilder Read() => new(string.IsNullOrWhiteSpace(ConnectionStringFile) ? ConnectionString : File.ReadAllText(ConnectionStringFile).Trim());

    private string? Problem()
    {
        try
        {
            return string.IsNullOrEmpty(Read().Host) ? "names no Host" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot be read: {e.Message}";
        }
        catch (Exception e) when (e is ArgumentException or FormatException or NotSupportedException)
        {
            // The message of some of these repeats the value, which may be the password.
            return "is not a connection string that Npgsql reads" + (e is ArgumentException { ParamName: { } name } ? $" (at {name})" : "");
        }
    }
}
