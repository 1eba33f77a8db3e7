using System.Globalization;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Postgres;

namespace Rag.Backup;

/// <summary>
/// Goes back to a point in time between backups, where pgBackRest keeps the log of PostgreSQL: the point is restored beside the
/// running server and started there, which is the only proof that it can be; from it a backup is made, and that is restored
/// like any other.
/// </summary>
internal sealed class PointInTime(Database database, StorageOptions storage, BackupOptions options, BackupWriter writer, Restorer restorer, AuditTrail audit, TimeProvider time)
{
    /// <summary>Who PostgreSQL runs as where this process is root, which it refuses to be.</summary>
    private const string Account = "postgres";

    /// <exception cref="RagException">Unsupported: no log is kept; Invalid: the time is to come.</exception>
    public void Require(DateTimeOffset at)
    {
        if (!database.Shared || options.PgBackRest.Stanza.Length == 0)
            throw new RagException(ErrorKind.Unsupported, "There are no points in time between the backups of this record.", "Restore the last backup before it ('rag backup list'). With PostgreSQL, let pgBackRest keep its log and name the stanza in Backup:PgBackRest:Stanza.");
        if (at > time.GetUtcNow()) throw new RagException(ErrorKind.Invalid, $"The time {at:O} is to come.", "Choose a time that is past.");
    }

    public async Task<RestoreResult> RestoreAsync(DateTimeOffset at, RestoreInto into, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        Require(at);
        string program = Programs.Find("pgbackrest", options.PgBackRest.Program, "Install pgBackRest on the machine of this service, or name it in Backup:PgBackRest:Program.");
        var connection = storage.Postgres.Read();
        string user = connection.Username ?? "postgres", name = connection.Database ?? user;
        string target = at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff+00", CultureInfo.InvariantCulture);
        await audit.RecordAsync(AuditEvent.Administrative("backup.restore_to_point", "record:" + name, new Dictionary<string, string> { ["at"] = target }), ct);
        string folder = Path.Combine(options.PgBackRest.Scratch.Length > 0 ? options.PgBackRest.Scratch : Path.GetTempPath(), "rag-point-" + Ids.New(time));
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        try
        {
            if (!OperatingSystem.IsWindows())
                foreach (string own in new[] { folder, Path.Combine(folder, "data") }) File.SetUnixFileMode(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var nothing = new Dictionary<string, string>();
            if (Environment.IsPrivilegedProcess) await Programs.RunAsync("chown", ["-R", Account, folder], nothing, Stream.Null, ct);
            progress?.Report(new("pgBackRest restores the point in time", 0, 0));
            string[] config = options.PgBackRest.ConfigFile.Length > 0 ? ["--config=" + options.PgBackRest.ConfigFile] : [];
            await Programs.RunAsync(
                program, [.. config, "--stanza=" + options.PgBackRest.Stanza, "--pg1-path=" + Path.Combine(folder, "data"), "--type=time", "--target=" + target, "--target-action=promote", "--log-level-stderr=error", "--log-level-console=off", "restore"],
                nothing, Stream.Null, ct, Account);
            progress?.Report(new("PostgreSQL recovers to the point in time", 0, 0));
            BackupInfo backup;
            await using (var server = await PostgresScratchServer.StartAsync(folder, Account, name, user, ct))
            {
                var reached = new NpgsqlConnectionSettings(server.ConnectionString(name, user), connection.SearchPath);
                await using var record = new PostgresDatabase(new StorageOptions { Provider = "postgres", Postgres = { ConnectionString = reached.ToString(), MaxPoolSize = 4 } }, time);
                backup = await writer.CreateFromAsync(record, BackupKind.Point, progress, ct);
            }
            return await restorer.RestoreAsync(backup.Id, null, null, into, progress, ct);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A connection string with the search path of the record's own.</summary>
    private sealed record NpgsqlConnectionSettings(string ConnectionString, string? SearchPath)
    {
        public override string ToString() => SearchPath is null ? ConnectionString : $"{ConnectionString};Search Path={SearchPath}";
    }
}
