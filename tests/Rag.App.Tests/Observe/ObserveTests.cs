using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Rag.App.Tests.Degradation;
using Rag.Testing;

namespace Rag.App.Tests.Observe;

/// <summary>What operators see from outside, of the program as a process of its own.</summary>
public sealed class ObserveTests : IDisposable
{
    private const string Question = "Where do zebrafinches stand?";

    private readonly string _data = Directory.CreateTempSubdirectory("rag-observe-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Objectives_need_no_traffic_and_count_what_there_is()
    {
        await using var replica = await Replica.StartAsync(_data, "Telemetry:ProbeIntervalSeconds=1");
        await replica.WaitUntilAsync(async () => await ProbesAsync(replica, "ok") >= 2);
        (await replica.Http.GetStringAsync("/metrics", Cancel)).ShouldNotContain("route=\"/v1/search\"");
        var quiet = await SloAsync(replica);
        // On a busy machine a probe may not be answered in time, which is counted as what it is.
        double good = quiet["availability"].GetProperty("good").GetDouble(), total = quiet["availability"].GetProperty("total").GetDouble();
        good.ShouldBeGreaterThanOrEqualTo(2);
        (total - good).ShouldBeLessThanOrEqualTo(await ProbesAsync(replica, "failed"));
        quiet["availability"].GetProperty("attained").GetDouble().ShouldBe(good / total, 1e-6);
        quiet["latency"].TryGetProperty("attained", out _).ShouldBeFalse();

        await replica.PutAsync("a.txt", "Zebrafinches stand on twigs.");
        for (int i = 0; i < 5; i++) await replica.AskAsync(Question);
        await replica.TryAskAsync("", noCache: true);
        var busy = await SloAsync(replica);
        // The search that waited for the document, five answers and a refusal.
        busy["latency"].GetProperty("total").GetInt64().ShouldBe(7);
        busy["cache"].GetProperty("good").GetInt64().ShouldBe(4);
        busy["errors"].GetProperty("holds").GetBoolean().ShouldBeTrue();

        var checklist = await replica.Http.GetFromJsonAsync<JsonElement>("/admin/v1/checklist", Cancel);
        checklist.GetProperty("lines").GetArrayLength().ShouldBe(9);
        var status = await replica.Http.GetFromJsonAsync<JsonElement>("/admin/v1/status", Cancel);
        status.GetProperty("replicas")[0].GetProperty("up").GetBoolean().ShouldBeTrue();
        status.GetProperty("dependencies")[0].GetProperty("name").GetString().ShouldBe("database");
        string page = await replica.Http.GetStringAsync("/operate/objectives", Cancel);
        page.ShouldContain("of the error budget left");
        page.ShouldContain("<polyline");
        page.ShouldContain("Availability by the day");
    }

    [Fact]
    public async Task Logs_for_collectors_have_trace_ids_and_no_question()
    {
        await using var replica = await Replica.StartAsync(_data, "Telemetry:LogFormat=json", "Logging:LogLevel:Rag=Debug");
        await replica.PutAsync("a.txt", "Zebrafinches stand on twigs.");
        await replica.AskAsync(Question);
        using (await replica.Http.GetAsync($"/?q={Uri.EscapeDataString(Question)}", Cancel)) { }
        // Refused with its reason, which is logged within the request.
        using (await replica.TryPutAsync("empty.txt", "  ")) { }
        await replica.WaitUntilAsync(() => Task.FromResult(replica.Process.Output.Contains("empty.txt", StringComparison.Ordinal)));
        var lines = replica.Process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        lines.Count.ShouldBeGreaterThan(1);
        var refused = lines.Single(l => l.GetProperty("Message").GetString()!.Contains("empty.txt", StringComparison.Ordinal));
        refused.GetProperty("Scopes").EnumerateArray().Any(s => s.TryGetProperty("TraceId", out var id) && id.GetString()!.Length == 32).ShouldBeTrue(refused.ToString());
        replica.Process.Output.ShouldNotContain("zebrafinches", Case.Insensitive);
    }

    [Fact]
    public async Task Traces_name_the_steps_of_a_question_and_never_hold_it()
    {
        await using var collector = await Collector.StartAsync();
        await using var replica = await Replica.StartAsync(_data, $"Telemetry:OtlpEndpoint={collector.Url}", "Telemetry:TraceShare=1", "Inference:Provider=local");
        await replica.PutAsync("a.txt", "Zebrafinches stand on twigs.");
        await replica.AskAsync(Question);
        foreach (string step in (string[])["POST /v1/ask", "retrieval lexical", "retrieval fuse", "answer", "ingestion parse", "embeddings", "gen_ai"])
            (await EventuallyAsync(() => collector.Has(step))).ShouldBeTrue(step);
        collector.Has("ebrafinches").ShouldBeFalse();
        collector.Has("GET /readyz").ShouldBeFalse();
    }

    [Fact]
    public async Task Metrics_for_a_collector_name_a_trace_that_stands_for_others()
    {
        const string TraceId = "0af7651916cd43dd8448eb211c80319c";
        await using var collector = await Collector.StartAsync();
        await using var replica = await Replica.StartAsync(_data, $"Telemetry:OtlpEndpoint={collector.Url}", "Telemetry:TraceShare=0");
        using var traced = new HttpRequestMessage(HttpMethod.Post, "/v1/ask") { Content = JsonContent.Create(new { question = Question }), Headers = { { "traceparent", $"00-{TraceId}-b7ad6b7169203331-01" } } };
        using (await replica.Http.SendAsync(traced, Cancel)) { }
        // What was measured is sent once a minute, and at the end.
        await replica.Process.SignalAsync("INT", Cancel);
        await replica.Process.WaitForExitAsync(Cancel);
        string id = Encoding.Latin1.GetString(Convert.FromHexString(TraceId));
        collector.Has(id, "MetricsService").ShouldBeTrue();
        collector.Has("http_request_duration_seconds", "MetricsService").ShouldBeTrue();
    }

    [Fact]
    public async Task Without_telemetry_there_are_no_metrics_and_answers_all_the_same()
    {
        await using var replica = await Replica.StartAsync(_data, "Telemetry:Enabled=false", "Telemetry:ProbeIntervalSeconds=1");
        await replica.PutAsync("a.txt", "Zebrafinches stand on twigs.");
        await replica.AskAsync(Question);
        (await replica.StatusAsync("/metrics")).ShouldBe(404);
        (await replica.StatusAsync("/operate")).ShouldBe(200);
        (await SloAsync(replica))["availability"].GetProperty("total").GetInt64().ShouldBe(0);
    }

    [Fact]
    public async Task Status_and_the_page_say_what_is_known_while_the_record_is_away()
    {
        if (!PostgresServer.IsInstalled && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("PostgreSQL is not installed; './test' installs it.");
        await using var server = await PostgresServer.StartAsync(Cancel);
        await using var proxy = FaultProxy.Start(server.Port);
        string database = new Npgsql.NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync(Cancel)) { Port = proxy.Port }.ToString();
        await using var replica = await Replica.StartAsync(_data, "Storage:Provider=postgres", AuditKeyFile.Setting, $"Storage:Postgres:ConnectionString={database}", "Storage:Postgres:ConnectTimeoutMs=1000");
        await replica.PutAsync("a.txt", "Zebrafinches stand on twigs.");
        (await replica.Http.GetStringAsync("/operate", Cancel)).ShouldNotContain("The record is away.");
        proxy.Down();
        JsonElement status = default;
        await replica.WaitUntilAsync(async () =>
        {
            status = await replica.Http.GetFromJsonAsync<JsonElement>("/admin/v1/status", Cancel);
            return !status.GetProperty("dependencies")[0].GetProperty("up").GetBoolean();
        });
        status.GetProperty("index_position").GetInt64().ShouldBeGreaterThan(0);
        string page = await replica.Http.GetStringAsync("/operate", Cancel);
        page.ShouldContain("The record is away.");
        page.ShouldContain(">down<");
        page.ShouldContain("One thing needs somebody now");
        // What it knew is shown, and from when it is; where it knew nothing, it says so.
        page.ShouldContain("before the record went away");
        (await replica.Http.GetStringAsync("/operate/objectives", Cancel)).ShouldContain("Objectives are shown again when it is back.");
        (await replica.StatusAsync("/operate/cache")).ShouldBe(200);
        (await replica.StatusAsync("/operate/settings")).ShouldBe(200);
        await replica.AskAsync(Question);
        proxy.Up();
        // What was served meanwhile is counted all the same.
        await replica.WaitUntilAsync(async () =>
        {
            try
            {
                return (await SloAsync(replica))["latency"].GetProperty("total").GetInt64() == 2;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
    }

    private static async Task<bool> EventuallyAsync(Func<bool> holds)
    {
        for (int i = 0; i < 300 && !holds(); i++) await Task.Delay(50, Cancel);
        return holds();
    }

    private static async Task<Dictionary<string, JsonElement>> SloAsync(Replica replica) =>
        (await replica.Http.GetFromJsonAsync<JsonElement>("/admin/v1/slo", Cancel)).GetProperty("objectives").EnumerateArray().ToDictionary(o => o.GetProperty("name").GetString()!);

    private static async Task<double> ProbesAsync(Replica replica, string outcome)
    {
        string metrics = await replica.Http.GetStringAsync("/metrics", Cancel);
        string line = metrics.Split('\n').Single(l => l.StartsWith($"rag_probe_requests_total{{outcome=\"{outcome}\"}}", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Takes what is sent by OTLP over gRPC: a frame of protocol buffers, whose strings stand as they are.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly List<(string Service, string Body)> _received = [];

        private Collector(WebApplication app) => _app = app;

        public string Url => _app.Urls.First();

        public bool Has(string text, string service = "")
        {
            lock (_received) return _received.Exists(r => r.Service.Contains(service, StringComparison.Ordinal) && r.Body.Contains(text, StringComparison.Ordinal));
        }

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
            var app = builder.Build();
            var collector = new Collector(app);
            app.MapPost("/{service}/{method}", async context =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                lock (collector._received) collector._received.Add(((string)context.Request.RouteValues["service"]!, Encoding.Latin1.GetString(body.ToArray())));
                context.Response.ContentType = "application/grpc";
                context.Response.DeclareTrailer("grpc-status");
                await context.Response.Body.WriteAsync(new byte[5]);
                context.Response.AppendTrailer("grpc-status", "0");
            });
            await app.StartAsync(Cancel);
            return collector;
        }

        public async ValueTask DisposeAsync() => await _app.DisposeAsync();
    }
}
