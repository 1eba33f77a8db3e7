using System.Diagnostics;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Storage.Postgres;
using Rag.Testing;

namespace Rag.Tests.Storage;

/// <summary>What the record on PostgreSQL does when the server goes, and what replicas that share it do to each other.</summary>
public sealed class PostgresFailureTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_server_is_noticed_at_once_and_work_goes_on_when_it_is_back()
    {
        TestRecord.RequirePostgres();
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        await using var service = await TestService.StartAsync(settings: new()
        {
            ["Storage:Provider"] = "postgres", ["Audit:KeyFile"] = AuditKeyFile.Shared, ["Storage:Postgres:ConnectionString"] = postgres.ConnectionString(),
        });
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await postgres.KillAsync();

        long started = Stopwatch.GetTimestamp();
        await UnavailableAsync(() => service.TryPutAsync("b.txt", "Egrets are white."));
        await UnavailableAsync(() => service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync("SELECT 1", transaction: tx), Cancel));
        await UnavailableAsync(() => service.Get<Collections>().ListAsync(Cancel));
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        (await service.AskAsync("Where do herons stand?")).Outcome.ShouldBe("answered");

        await postgres.StartAgainAsync(Cancel);
        await service.PutAsync("b.txt", "Egrets are white.");
        (await service.SearchAsync("egrets")).ShouldHaveSingleItem();
        // What was given while the server was away is kept once it is back, and announcements arrive again.
        await EventuallyAsync(async () => await CountAsync(service, "answers") == 1);
        await EventuallyAsync(() => Task.FromResult(service.Get<ChangeListener>().Listening));

        async Task UnavailableAsync(Func<Task> action)
        {
            // What a read met on a connection of the pool is the driver's error, which every door has translated.
            var thrown = await Should.ThrowAsync<Exception>(action);
            (thrown as RagException ?? service.Get<Database>().Translate(thrown.ShouldBeAssignableTo<System.Data.Common.DbException>()!)).Kind.ShouldBe(ErrorKind.Unavailable);
        }
    }

    [Fact]
    public async Task A_server_that_hangs_costs_a_write_no_more_than_its_bounds()
    {
        TestRecord.RequirePostgres();
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        var options = new StorageOptions { Provider = "postgres", Postgres = { ConnectionString = postgres.ConnectionString(), StatementTimeoutMs = 1000, ConnectTimeoutMs = 1000 } };
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        await database.MigrateAsync(Cancel);
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("SELECT 1", transaction: tx), Cancel);
        await postgres.PauseAsync();
        long started = Stopwatch.GetTimestamp();
        var e = await Should.ThrowAsync<RagException>(() => database.WriteAsync(tx => tx.Connection!.ExecuteAsync("SELECT 1", transaction: tx), Cancel));
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(8));
        (e.Kind, e.InnerException is DatabaseLostException).ShouldBe((ErrorKind.Unavailable, true));
        await postgres.ContinueAsync();
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("SELECT 1", transaction: tx), Cancel);
    }

    [Fact]
    public async Task Several_processes_may_migrate_at_once_and_a_newer_schema_is_left_alone()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var options = new StorageOptions { Provider = "postgres", Postgres = { ConnectionString = record.ConnectionString, MaxPoolSize = 4 } };
        await Parallel.ForAsync(0, 4, Cancel, async (_, ct) =>
        {
            await using var one = new PostgresDatabase(options, TimeProvider.System);
            await one.MigrateAsync(ct);
        });
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        // The next release: a table and columns more.
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
            """
            ALTER TABLE documents ADD COLUMN owner TEXT NULL; ALTER TABLE change_log ADD COLUMN actor TEXT NULL; CREATE TABLE later (id TEXT PRIMARY KEY);
            INSERT INTO "VersionInfo" ("Version", "AppliedOn", "Description") VALUES (99990101001, now(), 'later')
            """, transaction: tx), Cancel);
        await using var service = await TestService.StartAsync(record: record);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        (await service.AskAsync("Where do herons stand?")).Outcome.ShouldBe("answered");
    }

    [Fact]
    public async Task What_one_replica_writes_the_other_finds_at_that_position()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var one = await TestService.StartAsync(record: record);
        await using var other = await TestService.StartAsync(record: record);
        for (int i = 0; i < 10; i++)
        {
            var written = await one.PutAsync($"d{i}.txt", $"Herons of kind{i} stand in shallow water.");
            long started = Stopwatch.GetTimestamp();
            await other.Get<Rag.Indexing.IIndexer>().WaitForAsync(written.Position!.Value, TimeSpan.FromSeconds(10), Cancel);
            (await other.SearchAsync($"kind{i}")).ShouldHaveSingleItem();
        }
    }

    [Fact]
    public async Task Each_vector_is_made_once_by_workers_that_share_the_record()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var endpoint = await Rag.Tests.Inference.OpenAiServer.StartAsync();
        Dictionary<string, string?> settings = new() { ["Inference:Provider"] = "openai", ["Inference:Endpoint"] = endpoint.Endpoint, ["Inference:Model"] = "test-embedding", ["Inference:Dimensions"] = "4" };
        await using var one = await TestService.StartAsync(record: record, settings: settings, inference: false);
        await using var other = await TestService.StartAsync(record: record, settings: settings, inference: false);
        // What a killed worker had claimed and nobody may take yet, and what has run out.
        string text = string.Join("\n\n", Enumerable.Range(0, 300).Select(i => $"# Section {i}\n\nThe heron number {i} stands in water of depth {i}."));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => (i % 2 == 0 ? one : other).TryPutAsync($"d{i}.md", text + $"\n\nEnd {i}.")));
        await one.SettleAsync();
        var inputs = endpoint.Requests.SelectMany(r => r.Input).Where(t => t.Contains("heron number")).ToList();
        inputs.Count.ShouldBe(900);
        (await CountAsync(one, "embedding_claims")).ShouldBe(0);
        await using var connection = await one.Get<Database>().OpenAsync(Cancel);
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(DISTINCT document_id) FROM change_log WHERE kind = 'document.embedded'")).ShouldBe(3);
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM change_log WHERE kind = 'document.embedded'")).ShouldBe(3);
    }

    [Fact]
    public async Task What_a_killed_worker_had_claimed_is_made_by_another_when_its_lease_has_run_out()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var service = await TestService.StartAsync(record: record);
        var (database, time) = (service.Get<Database>(), TimeProvider.System);
        await service.PutAsync("a.md", "# One\n\nHerons.\n\n# Two\n\nEgrets.\n\n# Three\n\nStorks.");
        var (killed, next) = (new Rag.Indexing.EmbeddingClaims(database, time), new Rag.Indexing.EmbeddingClaims(database, time));
        (await killed.ClaimAsync(2, Cancel)).ShouldBe(2);
        (await next.ClaimAsync(10, Cancel)).ShouldBe(1);
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE embedding_claims SET until_at = 0 WHERE owner = @Owner", new { killed.Owner }, tx), Cancel);
        (await next.ClaimAsync(10, Cancel)).ShouldBe(3);
        (await killed.ClaimAsync(10, Cancel)).ShouldBe(0);
    }

    [Fact]
    public async Task A_leader_that_was_stopped_can_do_no_harm_when_it_goes_on()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var service = await TestService.StartAsync(record: record);
        var database = service.Get<Database>();
        await service.Get<Leader>().StopAsync(Cancel);
        using var stopped = new Leader(database, TimeProvider.System, NullLogger<Leader>.Instance);
        using var next = new Leader(database, TimeProvider.System, NullLogger<Leader>.Instance);
        (await stopped.RenewAsync(Cancel)).ShouldBeTrue();
        (await next.RenewAsync(Cancel)).ShouldBeFalse();
        var old = stopped.Term.ShouldNotBeNull();
        await old.WriteAsync(Put("before"), Cancel);
        // Its time runs out while it is stopped in the middle of a write, and another takes over.
        var reached = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        var late = old.WriteAsync(async tx =>
        {
            int n = await Put("late")(tx);
            reached.SetResult();
            await goOn.Task;
            return n;
        }, Cancel);
        await reached.Task;
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE leases SET until_at = 0", transaction: tx), Cancel);
        (await next.RenewAsync(Cancel)).ShouldBeTrue();
        next.Term!.Epoch.ShouldBeGreaterThan(old.Epoch);
        goOn.SetResult();
        (await Should.ThrowAsync<RagException>(() => late)).Kind.ShouldBe(ErrorKind.Conflict);
        (await Should.ThrowAsync<RagException>(() => old.WriteAsync(Put("later"), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        await next.Term.WriteAsync(Put("next"), Cancel);
        (await stopped.RenewAsync(Cancel)).ShouldBeFalse();
        stopped.Term.ShouldBeNull();
        await using var connection = await database.OpenAsync(Cancel);
        (await connection.QueryAsync<string>("SELECT key FROM idempotency_keys ORDER BY key")).ShouldBe(["before", "next"]);

        static Func<System.Data.Common.DbTransaction, Task<int>> Put(string key) => tx =>
            tx.Connection!.ExecuteAsync("INSERT INTO idempotency_keys (key, request_hash, response, created_at) VALUES (@key, '', '', 0)", new { key }, tx);
    }

    [Fact]
    public async Task A_full_disk_a_held_lock_and_a_slow_statement_are_told_apart()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var options = new StorageOptions { Provider = "postgres", Postgres = { ConnectionString = record.ConnectionString, LockTimeoutMs = 200, StatementTimeoutMs = 800 } };
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        await database.MigrateAsync(Cancel);
        await Fails("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", ErrorKind.StorageFull, "disk");
        var state = new RecordState(database);
        state.Failed(await Fails("SELECT pg_sleep(3)", ErrorKind.Unavailable, "in time")).ShouldBeTrue();
        await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync("LOCK TABLE leases", transaction: tx);
            // The record is there: only a part of it is held.
            state.Failed(await Fails("UPDATE leases SET until_at = 0", ErrorKind.Unavailable, "Another transaction")).ShouldBeFalse();
            state.Away.ShouldBeFalse();
        }, Cancel);

        async Task<RagException> Fails(string sql, ErrorKind kind, string message)
        {
            var e = await Should.ThrowAsync<RagException>(() => database.WriteAsync(tx => tx.Connection!.ExecuteAsync(sql, transaction: tx), Cancel));
            e.Kind.ShouldBe(kind);
            e.Message.ShouldContain(message);
            return e;
        }
    }

    [Fact]
    public async Task A_scratch_store_leaves_nothing_in_the_database()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var settings = new Microsoft.Extensions.Configuration.ConfigurationBuilder();
        Microsoft.Extensions.Configuration.MemoryConfigurationBuilderExtensions.AddInMemoryCollection(settings, [.. record.Settings, new("Inference:Provider", "none")]);
        await using (var store = await Rag.Evaluation.ScratchStore.StartNewAsync(settings.Build(), Cancel))
            (await store.Get<Collections>().EnsureAsync("scratch", null, Cancel)).Name.ShouldBe("scratch");
        await using var connection = new Npgsql.NpgsqlConnection(record.ConnectionString);
        (await connection.QueryAsync<string>("SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')")).ShouldBeEmpty();
        (await connection.QueryAsync<string>("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rag_scratch%'")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_record_that_goes_back_under_a_running_replica_is_noticed()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var service = await TestService.StartAsync(record: record);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await service.PutAsync("b.txt", "Egrets are white.");
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "DELETE FROM documents WHERE uri = 'b.txt'; DELETE FROM change_log WHERE seq = (SELECT MAX(seq) FROM change_log)", transaction: tx), Cancel);
        await EventuallyAsync(async () => (await service.AskAsync("Are egrets white?")).Sources.Count == 0);
        await EventuallyAsync(async () => (await service.Get<Rag.Indexing.IndexVerifier>().VerifyAsync(Cancel)).Clean);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task The_check_says_what_the_engine_is_and_finds_nothing_wrong(Engine engine)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var report = await service.Get<Database>().CheckAsync(Cancel);
        report.Problems.ShouldBeEmpty();
        report.SizeBytes.ShouldBeGreaterThan(0);
        report.LatencyMs.Count.ShouldBe(9);
        if (engine == Engine.Sqlite)
        {
            report.File.ShouldNotBeNull().Intact.ShouldBeTrue();
            return;
        }
        report.Version.ShouldStartWith("15.");
        report.Replication.ShouldNotBeNull().Role.ShouldBe("primary");
        report.Pool.ShouldNotBeNull().Open.ShouldBeGreaterThan(0);
        report.Tables.ShouldContain(t => t.Table == "chunks");
    }

    private static async Task<long> CountAsync(TestService service, string table)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {table}");
    }

    private static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        for (int i = 0; i < 200; i++)
        {
            try
            {
                if (await condition()) return;
            }
            catch (RagException)
            {
                // Not there yet.
            }
            await Task.Delay(50, Cancel);
        }
        (await condition()).ShouldBeTrue();
    }
}
