using System.Diagnostics;
using System.Globalization;
using System.Security.Authentication;
using Dapper;
using Npgsql;
using Rag.Storage;
using Rag.Storage.Postgres;

namespace Rag.Diagnosis;

/// <summary>
/// PostgreSQL, step by step on connections of its own: a pool that is stuck does not hide why. Without a running server it
/// needs the configuration only.
/// </summary>
/// <param name="pool">The pool of this server, where one runs.</param>
internal sealed class PostgresDiagnosis(StorageOptions options, PostgresDatabase? pool) : IDiagnosis
{
    private const int DefaultPort = 5432;
    private const string Unanswered = "Questions are answered from the index; nothing can be written.";

    public string Area => Areas.Database;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        if (Read(findings) is not { } settings) return findings;
        var steps = new List<string>();
        if (!await ReachAsync(settings, findings, steps, ct)) return findings;
        if (await OpenAsync(settings, findings, steps, ct) is not { } connection) return findings;
        await using (connection)
        {
            await PostgresLocks.LookAsync(connection, findings, ct);
            await CheckAsync(connection, findings, steps, ct);
        }
        if (findings.Well) findings.Ok("answers", "PostgreSQL answers and nothing is wrong with it.", string.Join("; ", steps));
        return findings;
    }

    private NpgsqlConnectionStringBuilder? Read(Findings findings)
    {
        var wrong = options.Postgres.Validate().FirstOrDefault(e => e.Key.Contains("ConnectionString", StringComparison.Ordinal));
        if (wrong is null) return options.Postgres.Read();
        string next = options.Postgres.ConnectionStringFile is { Length: > 0 } file ? $"ls -l '{file}'" : "rag config show";
        findings.Critical("configuration", "The connection string cannot be read.", wrong.ToString(), "A server with this configuration does not start.", next);
        return null;
    }

    /// <summary>Names and connects to each host; one that is reached is enough.</summary>
    private static async Task<bool> ReachAsync(NpgsqlConnectionStringBuilder settings, Findings findings, List<string> steps, CancellationToken ct)
    {
        var failures = new List<(string Host, int Port, Reached Reached)>();
        bool any = false;
        var hosts = settings.Host!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string named in hosts.Take(8))
        {
            // A path is a socket file on this machine, which the driver connects to by itself.
            if (named.StartsWith('/')) return true;
            if (!DiagnosisOptions.TryParse(named, out string host, out int port)) (host, port) = (named, settings.Port is 0 ? DefaultPort : settings.Port);
            var (reached, socket) = await Reached.TryAsync(host, port, ct);
            socket?.Dispose();
            steps.Add(reached.Steps);
            any |= reached.Failed is null;
            if (reached.Failed is not null) failures.Add((host, port, reached));
        }
        foreach (var (host, port, reached) in failures)
        {
            string meaning = any ? "Another of the configured hosts can be reached; this one cannot take over." : Unanswered;
            string at = string.Create(CultureInfo.InvariantCulture, $"{host}:{port}"), evidence = $"{reached.Steps}: {reached.Why}";
            var (what, next) = reached.Failed switch
            {
                "name" => ($"The name {host} cannot be resolved.", $"getent hosts {host}"),
                "refused" => ($"{at} refuses connections: nothing listens there.", $"pg_isready -h {host} -p {port.ToString(CultureInfo.InvariantCulture)}"),
                _ => ($"{at} cannot be reached.", $"ping -c 3 {host}"),
            };
            if (any) findings.Warning(reached.Failed!, what, evidence, meaning, next);
            else findings.Critical(reached.Failed!, what, evidence, meaning, next);
        }
        return any;
    }

    private async Task<NpgsqlConnection?> OpenAsync(NpgsqlConnectionStringBuilder given, Findings findings, List<string> steps, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(given.ToString())
        {
            Pooling = false, Timeout = (int)Reached.Limit.TotalSeconds + 1, CommandTimeout = 10, CancellationTimeout = 1_000, IncludeErrorDetail = false, ApplicationName = "rag doctor",
            Options = $"{given.Options} -c statement_timeout=8000 -c lock_timeout=1000".Trim(),
        };
        var connection = new NpgsqlConnection(settings.ToString());
        long started = Stopwatch.GetTimestamp();
        try
        {
            await connection.OpenAsync(ct);
            steps.Add($"{(given.SslMode == SslMode.Disable ? "" : "TLS and ")}credentials ({Reached.Ms(started)})");
            return connection;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or AuthenticationException or IOException or InvalidOperationException or ArgumentException)
        {
            await connection.DisposeAsync();
            steps.Add($"refused after {Reached.Ms(started)}");
            Explain(given, e, findings, string.Join("; ", steps));
            return null;
        }
    }

    private static void Explain(NpgsqlConnectionStringBuilder settings, Exception error, Findings findings, string steps)
    {
        string psql = $"psql \"host={settings.Host} port={(settings.Port is 0 ? DefaultPort : settings.Port).ToString(CultureInfo.InvariantCulture)} user={settings.Username} dbname={settings.Database ?? settings.Username}\" -c 'SELECT 1'";
        if (error is not PostgresException e)
        {
            string why = error.InnerException?.Message ?? error.Message, evidence = $"{steps}: {why}";
            if (error is AuthenticationException || error.InnerException is AuthenticationException || why.Contains("SSL", StringComparison.Ordinal))
                findings.Critical("tls", "No encrypted connection comes about.", evidence, Unanswered, "rag doctor certificates");
            else if (error is TimeoutException || error.InnerException is TimeoutException)
                findings.Critical("silent", "PostgreSQL takes the connection and does not answer.", evidence, Unanswered, psql);
            else findings.Critical("broken", "The connection breaks before it stands.", evidence, Unanswered, psql);
            return;
        }
        string server = $"{steps}: {e.SqlState} {e.MessageText}";
        string secret = settings.Password is null && settings.Passfile is null ? "psql asks for the password; put the right one into Storage:Postgres:ConnectionStringFile" : "correct it in Storage:Postgres:ConnectionStringFile";
        switch (e.SqlState)
        {
            case PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification:
                findings.Critical("credentials", $"PostgreSQL refuses the user '{settings.Username}' or its password.", server, $"{Unanswered} Whoever changes the password must {secret} too.", psql);
                break;
            case PostgresErrorCodes.InvalidCatalogName:
                findings.Critical("missing", $"There is no database '{settings.Database ?? settings.Username}' on the server.", server, Unanswered, psql.Replace($"dbname={settings.Database ?? settings.Username}", "dbname=postgres", StringComparison.Ordinal).Replace("SELECT 1", "\\l", StringComparison.Ordinal));
                break;
            case PostgresErrorCodes.TooManyConnections:
                findings.Critical("connections", "PostgreSQL takes no more connections.", server, Unanswered, psql.Replace("SELECT 1", "SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1 ORDER BY 2 DESC", StringComparison.Ordinal));
                break;
            case PostgresErrorCodes.InsufficientPrivilege:
                findings.Critical("permission", "The user may not do what it must.", server, Unanswered, psql.Replace("SELECT 1", "\\du", StringComparison.Ordinal));
                break;
            default:
                bool starting = e.SqlState.StartsWith("57P", StringComparison.Ordinal);
                findings.Critical(starting ? "starting" : "error", starting ? "PostgreSQL is starting, stopping or recovering." : "PostgreSQL answers with an error.", server, Unanswered, psql);
                break;
        }
    }

    private async Task CheckAsync(NpgsqlConnection connection, Findings findings, List<string> steps, CancellationToken ct)
    {
        DatabaseReport report;
        try
        {
            report = await PostgresCheck.RunAsync(connection, pool?.Application ?? "rag doctor", options.Postgres.MaxPoolSize, ct);
        }
        catch (NpgsqlException e)
        {
            // Sizes of tables wait for whoever holds them alone; that is said already then.
            if (e.SqlState == PostgresErrorCodes.LockNotAvailable && findings.Well)
                findings.Critical("locked", "Somebody keeps tables of the record to themselves.", e.Message, "What waits fails after Storage:Postgres:LockTimeoutMs.", "rag database check");
            else if (findings.Well) findings.Warning("error", "The server's own figures cannot be read.", e.Message, "Something holds its catalogue up.", "rag database check");
            return;
        }
        double middle = report.LatencyMs[report.LatencyMs.Count / 2];
        steps.Add(string.Create(CultureInfo.InvariantCulture, $"PostgreSQL {report.Version}, {report.Replication!.Role}; smallest statement {middle:F2} ms; {report.SizeBytes / 1e6:F0} MB; {report.Pool!.ServerConnections} of {report.Pool.ServerMax} connections on the server"));
        if (pool is not null) steps.Add(string.Create(CultureInfo.InvariantCulture, $"pool: {report.Pool.Open} of {report.Pool.Max} open, {report.Pool.Active} at work"));
        foreach (var problem in report.Problems)
        {
            if (findings.Exists(f => f.Name == $"database.{problem.Code}")) continue;
            string meaning = problem.Code switch
            {
                "slow" => "Every write and every look at the record takes this much longer, several times over.",
                "standby" or "connections" => Unanswered,
                "bloat" => "Tables grow, and looking through them takes longer.",
                _ => "It grows into trouble for writes if it stays.",
            };
            if (problem.Code is "standby") findings.Critical(problem.Code, problem.What, string.Join("; ", steps), meaning, "rag database check");
            else findings.Warning(problem.Code, problem.What, string.Join("; ", steps), meaning, "rag database check");
        }
        if (pool is not null && report.Pool.Active >= report.Pool.Max)
            findings.Warning("pool", "Every connection of this replica's pool is at work.", steps[^1], "Whoever needs the record waits for one.", "rag database check");
    }
}
