using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.App.Tests.Pages;

namespace Rag.App.Tests.Degradation;

[Collection("degradation")]
public sealed class LoadSheddingTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_too_much_is_refused_at_once_or_after_its_wait_and_nothing_else_is()
    {
        await using var server = await RunningServer.StartAsync(
            ("Inference:Provider", "none"), ("Server:MaxQuestions", "4"), ("Server:QueuedQuestions", "8"), ("Server:QuestionWaitMs", "700"));
        long written = await PutAsync(server, "a.txt");
        // As slow as the test wants them: they wait for the next write.
        var sent = Enumerable.Range(0, 40).Select(_ => TimedAsync(server.Http, "/v1/search", new { query = "herons", wait_for = written + 1 })).ToList();
        while (sent.Count(t => t.IsCompleted) < 28) await Task.Delay(10, Cancel);
        foreach (string path in new[] { "/livez", "/readyz", "/startupz", "/metrics", "/admin/v1/status", "/v1/collections" })
            (await server.Http.GetAsync(path, Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        using (var page = await server.Http.GetAsync("/?q=herons", Cancel))
        {
            page.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            page.Headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(1));
            (await page.Content.ReadAsStringAsync(Cancel)).ShouldContain("as much to do");
        }
        while (sent.Count(t => t.IsCompleted) < 36) await Task.Delay(10, Cancel);
        await PutAsync(server, "b.txt");
        var all = await Task.WhenAll(sent);
        all.Count(r => r.Status == 200).ShouldBe(4);
        var refused = all.Where(r => r.Status != 200).OrderBy(r => r.Ms).ToList();
        refused.Count.ShouldBe(36);
        foreach (var r in refused) (r.Status, r.RetryAfter, r.Type).ShouldBe((503, 1, "urn:rag-system:problem:overloaded"));
        refused[0].Ms.ShouldBeLessThan(600);
        // Those that waited waited for as long as they may and no longer.
        refused.TakeLast(8).ShouldAllBe(r => r.Ms > 600 && r.Ms < 3_000);
    }

    [Fact]
    public async Task Under_overload_all_are_served_in_time_or_refused()
    {
        const int Askers = 64, Each = 30, WaitMs = 300;
        await using var server = await RunningServer.StartAsync(
            ("Inference:Provider", "none"), ("Server:MaxQuestions", "2"), ("Server:QueuedQuestions", "4"), ("Server:QuestionWaitMs", $"{WaitMs}"));
        for (int i = 0; i < 20; i++) await PutAsync(server, $"{i}.txt");
        var results = new ConcurrentBag<Result>();
        await Task.WhenAll(Enumerable.Range(0, Askers).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++) results.Add(await TimedAsync(server.Http, "/v1/ask", new { question = "Where do herons stand?", options = new { no_cache = true } }));
        }, Cancel)));
        int served = results.Count(r => r.Status == 200), shed = results.Count(r => r is { Status: 503, Type: "urn:rag-system:problem:overloaded", RetryAfter: 1 });
        (served + shed).ShouldBe(Askers * Each);
        served.ShouldBeGreaterThan(0);
        shed.ShouldBeGreaterThan(0);
        results.Where(r => r.Status == 200).Max(r => r.Ms).ShouldBeLessThan(WaitMs + 2_000);
    }

    [Fact]
    public async Task The_load_that_is_normal_is_not_refused_under_the_default_bounds()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await PutAsync(server, "a.txt");
        var results = new ConcurrentBag<Result>();
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 50; i++) results.Add(await TimedAsync(server.Http, "/v1/ask", new { question = "Where do herons stand?" }));
        }, Cancel)));
        results.Select(r => r.Status).Distinct().ShouldBe([200]);
    }

    [Fact]
    public async Task A_question_that_takes_too_long_is_given_up_with_a_remedy()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"), ("Server:QuestionTimeoutMs", "300"));
        var late = await TimedAsync(server.Http, "/v1/ask", new { question = "herons?", options = new { wait_for = 1_000_000 } });
        (late.Status, late.Type, late.RetryAfter).ShouldBe((503, "urn:rag-system:problem:unavailable", 5));
        late.Ms.ShouldBeLessThan(3_000);
    }

    private sealed record Result(int Status, string? Type, double? RetryAfter, double Ms);

    private static async Task<Result> TimedAsync(HttpClient http, string path, object body)
    {
        long started = Stopwatch.GetTimestamp();
        using var response = await http.PostAsJsonAsync(path, body, Cancel);
        double ms = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        return new((int)response.StatusCode, json.TryGetProperty("type", out var type) ? type.GetString() : null, response.Headers.RetryAfter?.Delta?.TotalSeconds, ms);
    }

    private static async Task<long> PutAsync(RunningServer server, string uri)
    {
        using var response = await server.Http.PostAsJsonAsync("/v1/collections/default/documents", new { uri, text = $"Herons of {uri} stand in shallow water." }, Cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("position").GetInt64();
    }
}
