using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Rag.Answering;
using Rag.Audit;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Storage.Sqlite;
using Rag.Testing;

namespace Rag.Tests.Maintenance;

public sealed class ReadOnlyOnSqlite() : ReadOnlyModeTests(Engine.Sqlite)
{
    [Fact]
    public async Task Another_program_that_opens_the_file_is_refused_too()
    {
        await using var service = await TestService.StartAsync();
        await service.PutAsync("a.txt", "The red fox.");
        await OnAsync(service);
        await using var raw = new SqliteConnection($"Data Source={SqliteDatabase.PathIn(service.Get<StorageOptions>())}");
        await raw.OpenAsync(Cancel);
        await raw.ExecuteAsync("PRAGMA recursive_triggers=OFF");
        foreach (string write in Writes) (await Should.ThrowAsync<SqliteException>(() => raw.ExecuteAsync(write))).Message.ShouldContain("read-only");
        await service.Get<ReadOnlyMode>().OffAsync(Cancel);
        (await raw.ExecuteAsync("UPDATE documents SET title = 'Changed'")).ShouldBe(1);
    }
}

public sealed class ReadOnlyOnPostgres() : ReadOnlyModeTests(Engine.Postgres)
{
    [Fact]
    public async Task The_products_own_role_and_a_superuser_are_refused_whatever_they_set()
    {
        await using var owner = await OwnerRole.CreateAsync();
        await using var service = await TestService.StartAsync(settings: owner.Settings);
        await service.PutAsync("a.txt", "The red fox.");
        // A snapshot from before, and a transaction that has not written yet.
        await using var old = await OpenAsync(owner.Connection);
        await using var snapshot = await old.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, Cancel);
        (await old.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM documents", transaction: snapshot)).ShouldBe(1);
        await OnAsync(service);
        (await Should.ThrowAsync<PostgresException>(() => old.ExecuteAsync("UPDATE documents SET title = 'Changed'", transaction: snapshot))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
        await snapshot.RollbackAsync(Cancel);
        foreach (var (connection, state) in new[] { (owner.Connection, PostgresErrorCodes.InsufficientPrivilege), (owner.Superuser, "RAG01") })
        {
            await using var raw = await OpenAsync(connection);
            await raw.ExecuteAsync("SET default_transaction_read_only = off; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE");
            if (connection == owner.Superuser) await raw.ExecuteAsync("SET session_replication_role = replica");
            foreach (string write in Writes.Append("TRUNCATE chunks")) (await Should.ThrowAsync<PostgresException>(() => raw.ExecuteAsync(write))).SqlState.ShouldBe(state, write);
        }
        await service.Get<ReadOnlyMode>().OffAsync(Cancel);
        await using var after = await OpenAsync(owner.Connection);
        (await after.ExecuteAsync("UPDATE documents SET title = 'Changed'")).ShouldBe(1);
        (await service.PutAsync("b.txt", "The blue fox.")).Status.ShouldBe(IngestOutcome.Created);
    }

    [Fact]
    public async Task A_write_under_way_is_waited_for_and_none_commits_afterwards()
    {
        await using var service = await TestService.StartAsync(engine: Engine.Postgres);
        await service.PutAsync("a.txt", "The red fox.");
        await using var raw = await service.Get<Database>().OpenAsync(Cancel);
        await using var open = await raw.BeginTransactionAsync(Cancel);
        await raw.ExecuteAsync("UPDATE documents SET title = 'Changed'", transaction: open);
        var turning = OnAsync(service);
        await Task.Delay(300, Cancel);
        turning.IsCompleted.ShouldBeFalse();
        await open.CommitAsync(Cancel);
        (await turning).On.ShouldBeTrue();
        (await raw.ExecuteScalarAsync<string>("SELECT title FROM documents")).ShouldBe("Changed");
        await Should.ThrowAsync<PostgresException>(() => raw.ExecuteAsync("UPDATE documents SET title = 'Again'"));
    }

    [Fact]
    public async Task Every_replica_refuses_when_turning_it_on_returns_and_takes_writes_when_turning_it_off_does()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var services = new List<TestService>();
        try
        {
            for (int i = 0; i < 3; i++) services.Add(await TestService.StartAsync(record: record));
            for (int round = 0; round < 5; round++)
            {
                var on = await OnAsync(services[round % 3]);
                on.Behind.ShouldBeEmpty();
                foreach (var service in services) service.Get<ReadOnlyMode>().Current.ShouldNotBeNull();
                (await services[(round + 1) % 3].Get<ReadOnlyMode>().OffAsync(Cancel)).Behind.ShouldBeEmpty();
                foreach (var service in services) service.Get<ReadOnlyMode>().Current.ShouldBeNull();
            }
        }
        finally
        {
            foreach (var service in services) await service.DisposeAsync();
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(Cancel);
        return connection;
    }
}

public abstract class ReadOnlyModeTests(Engine engine)
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A write to each table, and each kind of write.</summary>
    protected static readonly string[] Writes =
    [
        "UPDATE documents SET title = 'Changed'", "DELETE FROM documents", "INSERT INTO collections (id, name, language, created_at) VALUES ('x', 'x', 'english', 0)",
        "DELETE FROM document_versions", "UPDATE chunks SET model = NULL", "DELETE FROM change_log", "INSERT INTO change_log (kind, collection_id, at) VALUES ('document.put', 'x', 0)", "DELETE FROM collections",
    ];

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected static Task<ReadOnlyStatus> OnAsync(TestService service, string length = "1h") => service.Get<ReadOnlyMode>().OnAsync(new("New disk", length, "Ada"), Cancel);

    [Fact]
    public async Task While_it_is_on_documents_are_not_written_and_everything_else_goes_on()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "The red fox lives at the northern pier.");
        var on = await OnAsync(service);
        on.Guarded.ShouldBe(ReadOnlyMode.Tables.Order(StringComparer.Ordinal));
        var refused = Should.Throw<RagException>(service.Get<ReadOnlyMode>().Require);
        (refused.Kind, refused.Message.Contains("New disk", StringComparison.Ordinal), refused.RetryAfterSeconds is > 3_500 and <= 3_601).ShouldBe((ErrorKind.ReadOnly, true, true));
        // Past the door, too: the database refuses, and says so in the same terms.
        (await Should.ThrowAsync<RagException>(() => service.TryPutAsync("b.txt", "The blue fox."))).Kind.ShouldBe(ErrorKind.ReadOnly);
        (await Should.ThrowAsync<RagException>(() => service.DeleteAsync("a.txt"))).Kind.ShouldBe(ErrorKind.ReadOnly);
        (await Should.ThrowAsync<RagException>(() => service.CollectionAsync("other"))).Kind.ShouldBe(ErrorKind.ReadOnly);
        service.Get<RecordState>().Away.ShouldBeFalse();
        // Questions, provenance and the audit record go on.
        var answer = await service.AskAsync("Where does the red fox live?");
        answer.Outcome.ShouldBe("answered");
        while (await service.Get<Database>().CountAsync($"SELECT COUNT(*) FROM answers WHERE id = '{answer.Id}'") == 0) await Task.Delay(20, Cancel);
        await service.Get<AuditTrail>().RecordAsync(AuditEvent.Administrative("test.did", "test:it"), Cancel);
        await service.Get<MaintenanceWindows>().AnnounceAsync(new("New disk", null, "1h"), Cancel);
        (await service.Get<ReadOnlyMode>().OffAsync(Cancel)).Guarded.ShouldBeEmpty();
        (await service.PutAsync("b.txt", "The blue fox.")).Status.ShouldBe(IngestOutcome.Created);
        (await service.Get<Database>().CountAsync("SELECT COUNT(*) FROM audit_records WHERE action IN ('read_only.start', 'read_only.end')")).ShouldBe(2);
    }

    [Fact]
    public async Task It_ends_by_itself_at_its_time()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var mode = service.Get<ReadOnlyMode>();
        await OnAsync(service, "2h");
        time.Advance(TimeSpan.FromMinutes(119));
        await mode.RefreshAsync(Cancel);
        mode.HeaderValue().ShouldBe("2026-03-01T14:00:00Z; New disk; Ada");
        time.Advance(TimeSpan.FromMinutes(1));
        await mode.RefreshAsync(Cancel);
        mode.Current.ShouldBeNull();
        var status = await mode.StatusAsync(Cancel);
        (status.On, status.Guarded.Count, status.Earlier.ShouldHaveSingleItem().EndedBy).ShouldBe((false, 0, "its time"));
        (await service.PutAsync("a.txt", "The red fox.")).Status.ShouldBe(IngestOutcome.Created);
    }

    [Fact]
    public async Task What_runs_out_while_nothing_runs_ends_at_the_next_start()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-read-only-").FullName;
        try
        {
            var time = new FakeTimeProvider(Noon);
            await using (var service = await TestService.StartAsync(data: data, record: record, time: time)) await OnAsync(service);
            time.Advance(TimeSpan.FromHours(5));
            await using var again = await TestService.StartAsync(data: data, record: record, time: time);
            while (again.Get<ReadOnlyMode>().Current is not null || (await again.Get<ReadOnlyMode>().StatusAsync(Cancel)).On) await Task.Delay(20, Cancel);
            (await again.PutAsync("a.txt", "The red fox.")).Status.ShouldBe(IngestOutcome.Created);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Turned_on_again_the_new_reason_and_time_hold_and_off_is_off_once()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var mode = service.Get<ReadOnlyMode>();
        await OnAsync(service);
        var longer = await mode.OnAsync(new("Larger disk", "3h", "Grace"), Cancel);
        (longer.Period!.Reason, longer.Period.Owner, longer.Earlier.Count).ShouldBe(("Larger disk", "Grace", 1));
        (await mode.OffAsync(Cancel)).On.ShouldBeFalse();
        (await Should.ThrowAsync<RagException>(() => mode.OffAsync(Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        foreach (var wrong in (TurnReadOnly[])[new("", "1h"), new("x", "59s"), new("x", "25h"), new("x", "long"), new(new string('x', 501), "1h")])
            (await Should.ThrowAsync<RagException>(() => mode.OnAsync(wrong, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await mode.StatusAsync(Cancel)).On.ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_the_database_refuses_is_made_to_fit_the_record_at_the_start(bool refuses)
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-read-only-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(data: data, record: record))
            {
                var database = service.Get<Database>();
                // As after a restore from a copy that was made during a maintenance, and the other way round.
                if (refuses) await database.WriteAsync(tx => database.GuardAsync(tx, ReadOnlyMode.Tables), Cancel);
                else
                {
                    await OnAsync(service);
                    await database.WriteAsync(tx => database.UnguardAsync(tx, ReadOnlyMode.Tables), Cancel);
                }
            }
            await using var again = await TestService.StartAsync(data: data, record: record);
            await again.Get<ReadOnlyMode>().RefreshAsync(Cancel);
            (await again.Get<ReadOnlyMode>().StatusAsync(Cancel)).Guarded.Count.ShouldBe(refuses ? 0 : ReadOnlyMode.Tables.Count);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}

internal static class Counting
{
    public static async Task<long> CountAsync(this Database database, string sql)
    {
        await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
        return await connection.ExecuteScalarAsync<long>(sql);
    }
}

/// <summary>A database whose owner is an ordinary user, as it is in production.</summary>
internal sealed class OwnerRole : IAsyncDisposable
{
    private static int _count;
    private readonly TestRecord _record;

    private OwnerRole(TestRecord record, string connection) => (_record, Connection) = (record, connection);

    /// <summary>How the product connects.</summary>
    public string Connection { get; }

    public string Superuser => _record.ConnectionString;

    public Dictionary<string, string?> Settings => new(_record.Settings) { ["Storage:Postgres:ConnectionString"] = Connection };

    public static async Task<OwnerRole> CreateAsync()
    {
        var record = await TestRecord.CreateAsync(Engine.Postgres);
        var settings = new NpgsqlConnectionStringBuilder(record.ConnectionString);
        string role = $"owner{Interlocked.Increment(ref _count)}_{settings.Database}";
        await (await TestRecord.ServerAsync()).ExecuteAsync($"CREATE ROLE {role} LOGIN; ALTER DATABASE {settings.Database} OWNER TO {role}", TestContext.Current.CancellationToken);
        settings.Username = role;
        return new(record, settings.ToString());
    }

    public ValueTask DisposeAsync() => _record.DisposeAsync();
}
