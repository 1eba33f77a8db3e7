using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>The worst incident: the database is killed, and then the replica that knows of it.</summary>
[Collection("degradation")]
public sealed class IncidentsDownTests(OwnPostgres postgres) : IClassFixture<OwnPostgres>, IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-incidents-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task A_killed_database_is_a_P0_that_is_told_of_once_though_the_replica_is_killed_too()
    {
        var server = postgres.Require();
        await using var inbox = HttpInbox.Start();
        string database = await server.CreateDatabaseAsync(Cancel);
        string[] settings =
        [
            "Storage:Provider=postgres", AuditKeyFile.Setting, "Storage:Postgres:ConnectionString=" + new NpgsqlConnectionStringBuilder(database), "Storage:Postgres:ConnectTimeoutMs=1000", "Storage:Postgres:StatementTimeoutMs=1000",
            $"Contacts:OnCallEngineer:Webhook={inbox.Address}",
        ];
        string starts = TimeProvider.System.GetUtcNow().ToString("O", CultureInfo.InvariantCulture), id;
        await using (var replica = await Replica.StartAsync(_data, settings))
        {
            await server.KillAsync();
            // At once, before the replica can know; and again, as Alertmanager does.
            id = (await AlertAsync(replica, starts, null)).GetProperty("incidents")[0].GetString()!;
            (await AlertAsync(replica, starts, null)).GetProperty("incidents").GetArrayLength().ShouldBe(0);
            await replica.WaitUntilAsync(() => Task.FromResult(inbox.All.Count > 0));
            // Until what was sent is on disk.
            await replica.WaitUntilAsync(async () => (await DetailAsync(replica, id)).GetProperty("timeline").EnumerateArray().Any(t => t.GetProperty("kind").GetString() == "notified"));
            await replica.Process.KillAsync();
        }
        await using var again = Replica.Start(_data, settings);
        await again.WaitUntilAsync(async () =>
        {
            try
            {
                return (await again.Http.GetAsync($"/admin/v1/incidents/{id}", Cancel)).StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        var known = (await DetailAsync(again, id)).GetProperty("incident");
        (known.GetProperty("severity").GetString(), known.GetProperty("state").GetString()).ShouldBe(("P0", "open"));
        using (var acknowledged = await again.Http.PostAsync($"/admin/v1/incidents/{id}/acknowledge", null, Cancel)) acknowledged.StatusCode.ShouldBe(HttpStatusCode.OK);
        await server.StartAgainAsync(Cancel);
        string spool = Path.Combine(_data, "incidents", "spool.jsonl");
        await again.WaitUntilAsync(() => Task.FromResult(!File.Exists(spool)), limitSeconds: 60);
        using (var ended = await PostAsync(again, starts, TimeProvider.System.GetUtcNow().ToString("O", CultureInfo.InvariantCulture))) ended.StatusCode.ShouldBe(HttpStatusCode.OK);
        await again.WaitUntilAsync(() => Task.FromResult(inbox.All.Count > 1));
        inbox.All.Select(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("step").GetString()).ShouldBe(["opened", "resolved"]);
        var detail = await DetailAsync(again, id);
        detail.GetProperty("incident").GetProperty("state").GetString().ShouldBe("resolved");
        detail.GetProperty("timeline").EnumerateArray().Count(t => t.GetProperty("kind").GetString() == "acknowledged").ShouldBe(1);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ToString());
        await connection.OpenAsync(Cancel);
        await using var count = new NpgsqlCommand("SELECT COUNT(*) FROM incidents", connection);
        (await count.ExecuteScalarAsync(Cancel)).ShouldBe(1L);
    }

    private static async Task<JsonElement> DetailAsync(Replica replica, string id) => await replica.Http.GetFromJsonAsync<JsonElement>($"/admin/v1/incidents/{id}", Cancel);

    private static async Task<JsonElement> AlertAsync(Replica replica, string starts, string? ends)
    {
        using var response = await PostAsync(replica, starts, ends);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(Cancel));
        return await response.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    private static Task<HttpResponseMessage> PostAsync(Replica replica, string starts, string? ends) => replica.Http.PostAsJsonAsync("/admin/v1/alerts", new
    {
        version = "4",
        status = ends is null ? "firing" : "resolved",
        alerts = new[]
        {
            new
            {
                status = ends is null ? "firing" : "resolved", labels = new { alertname = "DatabaseDown", severity = "page", replica = "replica-1" }, annotations = new { summary = "replica-1 does not reach the database" },
                startsAt = starts, endsAt = ends ?? "0001-01-01T00:00:00Z", fingerprint = "24c5e6f2a1b3d4c8",
            },
        },
    }, Cancel);
}
