using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Rag.Storage;
using Rag.Storage.Sqlite;

namespace Rag.Diagnosis;

/// <summary>A record in SQLite: whether it can be opened, who locks it, whether it is intact. Nothing is written to it.</summary>
internal sealed class SqliteDiagnosis(StorageOptions options) : IDiagnosis
{
    private const int BusySeconds = 2;
    private const int Busy = 5, Locked = 6, CannotOpen = 14, Damaged = 11, NotADatabase = 26, ReadOnly = 8, Full = 13;
    private const long MaxWalBytes = 1_000_000_000;

    public string Area => Areas.Database;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        string path = Path.GetFullPath(SqliteDatabase.PathIn(options));
        if (!File.Exists(path))
        {
            findings.Notice("absent", "There is no record yet.", path, "The first start makes an empty one; if there was one, the data directory is another.", "rag config show");
            return findings;
        }
        var steps = new List<string>();
        try
        {
            await Task.Run(() => Look(path, findings, steps), ct);
        }
        catch (SqliteException e)
        {
            Explain(path, e, findings);
        }
        if (findings.Well) findings.Ok("answers", "The record answers and is intact.", string.Join("; ", steps));
        return findings;
    }

    private static void Look(string path, Findings findings, List<string> steps)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = BusySeconds }.ToString());
        long started = Stopwatch.GetTimestamp();
        connection.Open();
        steps.Add($"opened ({Reached.Ms(started)})");
        started = Stopwatch.GetTimestamp();
        // Taking the writer's lock shows whether anybody could write now; it is given back at once.
        using (var transaction = connection.BeginTransaction(deferred: false)) transaction.Rollback();
        steps.Add($"writer's lock ({Reached.Ms(started)})");
        started = Stopwatch.GetTimestamp();
        using var command = connection.CreateCommand();
        command.CommandTimeout = Database.LongCommandSeconds;
        command.CommandText = "PRAGMA quick_check(1)";
        string integrity = (string?)command.ExecuteScalar() ?? "nothing";
        steps.Add($"integrity ({Reached.Ms(started)})");
        if (integrity != "ok")
            findings.Critical("damaged", "The record is damaged.", integrity, "Answers and documents may be missing or wrong. Restore the last backup; keep the damaged file.", $"sqlite3 '{path}' 'PRAGMA integrity_check'");
        var wal = new FileInfo(path + "-wal");
        long walBytes = wal.Exists ? wal.Length : 0;
        steps.Add(string.Create(CultureInfo.InvariantCulture, $"SQLite {connection.ServerVersion}, {new FileInfo(path).Length / 1e6:F1} MB, write-ahead log {walBytes / 1e6:F1} MB"));
        if (walBytes > MaxWalBytes)
            findings.Warning("wal", "The write-ahead log has grown large.", steps[^1], "A reader that never ends keeps it from being taken in; the disk fills.", $"ls -l '{path}-wal'");
    }

    private static void Explain(string path, SqliteException e, Findings findings)
    {
        const string Unanswered = "Questions are answered from the index; nothing can be written.";
        switch (e.SqliteErrorCode)
        {
            case Busy or Locked:
                string holders = FileLocks.Holders(path, path + "-shm") is { Count: > 0 } found ? string.Join(", ", found) : "a process that this one cannot see";
                findings.Critical("locked", "Another connection keeps the record locked.", $"no lock within {BusySeconds} s; locked by {holders}", Unanswered, $"fuser -v '{path}'");
                break;
            case Damaged or NotADatabase:
                findings.Critical("damaged", "The record is damaged.", e.Message, "Restore the last backup; keep the damaged file.", $"sqlite3 '{path}' 'PRAGMA integrity_check'");
                break;
            case CannotOpen or ReadOnly:
                findings.Critical("permission", "The record cannot be opened for writing.", e.Message, Unanswered, $"ls -l '{Path.GetDirectoryName(path)}'");
                break;
            case Full:
                findings.Critical("full", "The disk that holds the record is full.", e.Message, Unanswered, "rag doctor disk");
                break;
            default:
                findings.Critical("error", "The record answers with an error.", e.Message, Unanswered, "rag database check");
                break;
        }
    }
}
