using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>A PostgreSQL of this class's own, which its tests kill and stop.</summary>
public sealed class OwnPostgres : IAsyncLifetime
{
    public PostgresServer? Server { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (PostgresServer.IsInstalled) Server = await PostgresServer.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (Server is not null) await Server.DisposeAsync();
    }

    /// <summary>The server; skips where PostgreSQL is not installed, fails there in continuous integration.</summary>
    public PostgresServer Require()
    {
        const string Missing = "PostgreSQL is not installed: Debian's package postgresql-15 has it.";
        if (Server is null && Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(Missing);
        if (Server is null) Assert.Skip(Missing);
        return Server;
    }
}

/// <summary>The row "PostgreSQL down" of the degradation matrix: however it goes away, with a proxy before it or by signals to it.</summary>
[Collection("degradation")]
public sealed class PostgresDownTests(OwnPostgres postgres) : IClassFixture<OwnPostgres>, IDisposable
{
    private const string Question = "Where do herons stand?";

    private readonly string _data = Directory.CreateTempSubdirectory("rag-pgdown-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Theory]
    [InlineData("down")]
    [InlineData("reset")]
    [InlineData("blackhole")]
    [InlineData("killed")]
    [InlineData("stopped")]
    public async Task Questions_are_answered_writes_are_refused_whole_and_all_is_well_again_without_a_restart(string how)
    {
        var server = postgres.Require();
        await using var proxy = FaultProxy.Start(server.Port);
        string database = await server.CreateDatabaseAsync(Cancel);
        await using var replica = await Replica.StartAsync(_data, Settings(database, proxy));
        await replica.PutAsync("a.txt", "Herons stand in shallow water.");
        var before = await replica.AskAsync(Question);
        long position = before.GetProperty("index_position").GetInt64();

        await BreakAsync();
        var asked = new List<string>();
        long broken = Stopwatch.GetTimestamp();
        bool marked = false;
        while (!marked && Stopwatch.GetElapsedTime(broken) < TimeSpan.FromSeconds(30))
        {
            // From the first moment on, before anybody knows: cached and not.
            await replica.AskAsync(Question);
            using var response = await replica.TryAskAsync(Question, noCache: true);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            var answer = await response.Content.ReadFromJsonAsync<JsonElement>(Cancel);
            answer.GetProperty("answer").GetString().ShouldBe("Herons stand in shallow water.");
            answer.GetProperty("index_position").GetInt64().ShouldBe(position);
            asked.Add(answer.GetProperty("id").GetString()!);
            marked = response.Headers.TryGetValues("Rag-Degraded", out var degraded) && degraded.Single() == "database"
                && response.Headers.GetValues("Rag-Index-Position").Single() == $"{position}";
            await Task.Delay(20, Cancel);
        }
        marked.ShouldBeTrue();
        (await replica.StatusAsync("/readyz"), await replica.StatusAsync("/livez"), await replica.StatusAsync("/startupz")).ShouldBe((200, 200, 200));
        await RefusedAsync(() => replica.TryPutAsync("lost.txt", "This was never acknowledged."));
        await RefusedAsync(() => replica.Http.DeleteAsync("/v1/collections/default", Cancel));
        await RefusedAsync(() => replica.Http.PostAsJsonAsync("/v1/ask", new { question = Question, collection = "unknown" }, Cancel));
        // Provenance is on this replica's disk and can be read.
        await replica.WaitUntilAsync(() => Task.FromResult(Directory.Exists(Path.Combine(_data, "spool"))));
        var shown = await replica.Http.GetFromJsonAsync<JsonElement>($"/v1/answers/{asked[^1]}", Cancel);
        shown.GetProperty("answer").GetString().ShouldBe("Herons stand in shallow water.");
        using (var page = await replica.Http.GetAsync($"/?q={Uri.EscapeDataString(Question)}", Cancel))
        {
            page.StatusCode.ShouldBe(HttpStatusCode.OK);
            string html = await page.Content.ReadAsStringAsync(Cancel);
            html.ShouldContain("The record is away.");
            html.ShouldContain("The document cannot be read now.");
        }
        (await replica.StatusAsync("/")).ShouldBe(200);
        (await replica.Http.GetStringAsync("/metrics", Cancel)).ShouldContain("rag_dependency_up{dependency=\"database\"} 0");

        await MendAsync();
        await replica.WaitUntilAsync(async () => (await replica.TryPutAsync("b.txt", "Egrets are white.")).IsSuccessStatusCode);
        await replica.WaitUntilAsync(async () => await CountAsync(server, database, "SELECT COUNT(*) FROM answers WHERE id = ANY(@ids)", asked.ToArray()) == asked.Count);
        await replica.WaitUntilAsync(async () => (await replica.AskAsync("What colour are egrets?")).GetProperty("outcome").GetString() == "answered");
        using (var after = await replica.TryAskAsync(Question)) after.Headers.Contains("Rag-Degraded").ShouldBeFalse();
        (await CountAsync(server, database, "SELECT COUNT(*) FROM documents WHERE uri = 'lost.txt'", [])).ShouldBe(0);
        (await CountAsync(server, database, "SELECT COUNT(*) FROM documents", [])).ShouldBe(2);
        // What was shown meanwhile is on the audit record, too.
        await replica.WaitUntilAsync(() => Task.FromResult(!Directory.EnumerateFiles(Path.Combine(_data, "spool")).Any()));
        (await CountAsync(server, database, "SELECT COUNT(*) FROM audit_records WHERE category = 'data_access'", [])).ShouldBeGreaterThan(0);

        async Task BreakAsync()
        {
            switch (how)
            {
                case "down": proxy.Down(); break;
                case "reset": proxy.Reset(); break;
                case "blackhole": proxy.Blackhole(); break;
                case "killed": await server.KillAsync(); break;
                case "stopped": await server.PauseAsync(); break;
                default: throw new ArgumentOutOfRangeException(nameof(how));
            }
        }

        async Task MendAsync()
        {
            proxy.Up();
            if (how == "killed") await server.StartAgainAsync(Cancel);
            if (how == "stopped") await server.ContinueAsync();
        }
    }

    private async Task<bool> IsSpooledAsync(string answer)
    {
        string spool = Path.Combine(_data, "spool");
        if (!Directory.Exists(spool)) return false;
        foreach (string file in Directory.EnumerateFiles(spool))
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            if ((await reader.ReadToEndAsync(Cancel)).Contains(answer, StringComparison.Ordinal)) return true;
        }
        return false;
    }

    [Fact]
    public async Task A_replica_starts_without_the_record_answers_from_its_index_and_catches_up_later()
    {
        var server = postgres.Require();
        await using var proxy = FaultProxy.Start(server.Port);
        string database = await server.CreateDatabaseAsync(Cancel);
        string id;
        await using (var first = await Replica.StartAsync(_data, Settings(database, proxy)))
        {
            await first.PutAsync("a.txt", "Herons stand in shallow water.");
            await first.AskAsync(Question);
            proxy.Down();
            await first.WaitUntilAsync(async () =>
            {
                using var answer = await first.TryAskAsync(Question);
                return answer.Headers.Contains("Rag-Degraded");
            });
            id = (await first.AskAsync(Question, noCache: true)).GetProperty("id").GetString()!;
            await first.WaitUntilAsync(async () => await IsSpooledAsync(id));
            await first.Process.KillAsync();
        }
        await using var second = await Replica.StartAsync(_data, Settings(database, proxy));
        using (var response = await second.TryAskAsync(Question))
        {
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            response.Headers.GetValues("Rag-Degraded").ShouldBe(["database"]);
        }
        await second.Http.GetFromJsonAsync<JsonElement>($"/v1/answers/{id}", Cancel);
        await RefusedAsync(() => second.TryPutAsync("lost.txt", "Never."));
        proxy.Up();
        await second.WaitUntilAsync(async () => (await second.TryPutAsync("b.txt", "Egrets are white.")).IsSuccessStatusCode);
        await second.WaitUntilAsync(async () => (await second.AskAsync("What colour are egrets?")).GetProperty("outcome").GetString() == "answered");
        await second.WaitUntilAsync(async () => await CountAsync(server, database, "SELECT COUNT(*) FROM answers WHERE id = ANY(@ids)", [id]) == 1);
    }

    [Fact]
    public async Task A_replica_whose_index_is_damaged_is_not_ready_and_builds_it_anew_when_the_record_is_there()
    {
        var server = postgres.Require();
        await using var proxy = FaultProxy.Start(server.Port);
        string database = await server.CreateDatabaseAsync(Cancel);
        await using (var first = await Replica.StartAsync(_data, Settings(database, proxy)))
        {
            await first.PutAsync("a.txt", "Herons stand in shallow water.");
            await first.Process.SignalAsync("TERM", Cancel);
            await first.Process.WaitForExitAsync(Cancel);
        }
        foreach (string file in Directory.EnumerateFiles(Path.Combine(_data, "index"), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).StartsWith('_')))
            await File.WriteAllBytesAsync(file, new byte[100], Cancel);
        proxy.Down();
        await using var second = Replica.Start(_data, Settings(database, proxy));
        await second.WaitUntilAsync(async () => await second.StatusAsync("/livez") == 200);
        for (int i = 0; i < 20; i++)
        {
            (await second.StatusAsync("/readyz"), await second.StatusAsync("/startupz"), await second.StatusAsync("/livez")).ShouldBe((503, 503, 200));
            await Task.Delay(50, Cancel);
        }
        proxy.Up();
        await second.WaitReadyAsync();
        (await second.AskAsync(Question)).GetProperty("answer").GetString().ShouldBe("Herons stand in shallow water.");
        var verified = await (await second.Http.PostAsync("/admin/v1/index/verify", null, Cancel)).Content.ReadFromJsonAsync<JsonElement>(Cancel);
        verified.GetProperty("clean").GetBoolean().ShouldBeTrue(verified.ToString());
    }

    [Fact]
    public async Task A_record_that_is_far_away_or_behind_a_narrow_line_delays_writes_only()
    {
        var server = postgres.Require();
        await using var proxy = FaultProxy.Start(server.Port);
        await using var replica = await Replica.StartAsync(_data, Settings(await server.CreateDatabaseAsync(Cancel), proxy));
        await replica.PutAsync("a.txt", "Herons stand in shallow water.");
        proxy.Latency = TimeSpan.FromMilliseconds(60);
        proxy.BytesPerSecond = 100_000;
        proxy.CloseDelay = TimeSpan.FromMilliseconds(200);
        long started = Stopwatch.GetTimestamp();
        await replica.PutAsync("b.txt", "Egrets are white.");
        Stopwatch.GetElapsedTime(started).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(300));
        var times = new List<double>();
        for (int i = 0; i < 40; i++)
        {
            started = Stopwatch.GetTimestamp();
            await replica.AskAsync(Question, noCache: true);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        times.Order().ElementAt(20).ShouldBeLessThan(60);
        (await replica.StatusAsync("/readyz")).ShouldBe(200);
    }

    private static string[] Settings(string database, FaultProxy proxy) =>
    [
        "Storage:Provider=postgres", AuditKeyFile.Setting, "Storage:Postgres:ConnectionString=" + new NpgsqlConnectionStringBuilder(database) { Port = proxy.Port },
        "Storage:Postgres:ConnectTimeoutMs=1000", "Storage:Postgres:StatementTimeoutMs=1000",
    ];

    /// <summary>503 as problem details, with Retry-After, soon.</summary>
    private static async Task RefusedAsync(Func<Task<HttpResponseMessage>> send)
    {
        long started = Stopwatch.GetTimestamp();
        using var response = await send();
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        response.Headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(5));
        (await response.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("type").GetString().ShouldBe("urn:rag-system:problem:unavailable");
    }

    private static async Task<long> CountAsync(PostgresServer server, string database, string sql, string[] ids)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Port = server.Port, Pooling = false }.ToString());
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        if (ids.Length > 0) command.Parameters.AddWithValue("ids", ids);
        return (long)(await command.ExecuteScalarAsync(Cancel))!;
    }
}
