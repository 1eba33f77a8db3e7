using System.Globalization;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Time.Testing;
using Rag.Incidents;
using Rag.Slo;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Incidents;

/// <summary>Incidents on a real record, told of at a real receiver on loopback, on a clock that the test moves.</summary>
public abstract class IncidentTestBase(Engine engine) : IAsyncDisposable
{
    private protected Engine Engine { get; } = engine;

    private protected HttpInbox Inbox { get; } = HttpInbox.Start();

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("rag-incidents-").FullName;

    private protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 3, 12, 0, 0, TimeSpan.Zero));

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected DateTimeOffset Now => Time.GetUtcNow();

    public async ValueTask DisposeAsync()
    {
        await Inbox.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    protected Dictionary<string, string?> Settings(params (string Key, string Value)[] more)
    {
        var settings = new[] { "OnCallEngineer", "DevOpsTeam", "EngineeringManager" }.ToDictionary(r => $"Contacts:{r}:Webhook", string? (_) => Inbox.Address.ToString());
        foreach (var (key, value) in more) settings[key] = value;
        return settings;
    }

    private protected Task<TestService> StartAsync(params (string Key, string Value)[] more) => TestService.StartAsync(settings: Settings(more), engine: Engine, time: Time);

    private protected static Task PostAsync(TestService service, string json) => service.Get<IncidentDesk>().TakeAsync(AlertReader.Read(Encoding.UTF8.GetBytes(json)), Cancel);

    private protected static Task PassAsync(TestService service) => service.Get<Notifier>().PassAsync(Cancel);

    private protected async Task AdvanceAsync(TestService service, TimeSpan by)
    {
        Time.Advance(by);
        await PassAsync(service);
    }

    private protected static Task<IReadOnlyList<Incident>> OpenAsync(TestService service) => service.Get<IncidentDesk>().ListAsync(all: false, 100, Cancel);

    protected List<string> Keys() => [.. Inbox.All.Select(r => r.Headers["idempotency-key"])];

    protected List<string> Told() => [.. Inbox.All.Select(r => JsonDocument.Parse(r.Body).RootElement).Select(n => $"{n.GetProperty("step").GetString()} {n.GetProperty("role").GetString()}")];

    private protected static async Task<long> CountAsync(TestService service, string sql)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<long>(sql);
    }

    /// <summary>Writes what would have been served in the minutes up to now.</summary>
    private protected Task CountedAsync(TestService service, int minutes, long good, long total) => service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "INSERT INTO slo_minutes (minute, objective, good, total) VALUES (@minute, @objective, @good, @total)",
        from m in Enumerable.Range(1, minutes)
        from o in new[] { Objectives.Availability.Name, Objectives.Errors.Name }
        select new { minute = SloRecorder.Minute(Now) - m, objective = o, good, total }, tx), Cancel);

    protected static string Json(string name, string severity, string fingerprint, DateTimeOffset starts, DateTimeOffset? ends = null) => JsonSerializer.Serialize(new
    {
        version = "4",
        groupKey = $"{{}}:{{alertname=\"{name}\"}}",
        status = ends is null ? "firing" : "resolved",
        alerts = new[]
        {
            new
            {
                status = ends is null ? "firing" : "resolved", labels = new Dictionary<string, string> { ["alertname"] = name, ["severity"] = severity },
                annotations = new Dictionary<string, string> { ["summary"] = $"Summary of {name}", ["description"] = "What is so.", ["runbook_url"] = "docs/operations/runbook.md#x" },
                startsAt = starts.ToString("O", CultureInfo.InvariantCulture), endsAt = ends?.ToString("O", CultureInfo.InvariantCulture) ?? "0001-01-01T00:00:00Z", generatorURL = "http://127.0.0.1:9090/graph", fingerprint,
            },
        },
    });
}
