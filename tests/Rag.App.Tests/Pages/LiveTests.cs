using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Shouldly;

namespace Rag.App.Tests.Pages;

/// <summary>The stream that tells pages what has changed.</summary>
public sealed class LiveTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stream_begins_with_how_things_are_and_tells_of_each_change()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        using var stream = await ListenAsync(server.Http);
        var first = await NextAsync(stream);
        first.GetProperty("open").GetInt32().ShouldBe(0);
        await server.AddAsync("default", "heron.md", "# Heron\n\nHerons stand in water.");
        var second = await NextAsync(stream);
        second.GetProperty("documents").GetInt64().ShouldBeGreaterThan(first.GetProperty("documents").GetInt64());
        second.GetProperty("state").GetString().ShouldBe(first.GetProperty("state").GetString());
        using (await server.Http.PostAsJsonAsync("/admin/v1/maintenance/read-only", new { reason = "A look", owner = "tests", @for = "5m" }, Cancel)) { }
        JsonElement third;
        do third = await NextAsync(stream);
        while (third.GetProperty("state").GetString() == first.GetProperty("state").GetString());
    }

    [Fact]
    public async Task Readers_hear_nothing_of_incidents_and_strangers_nothing_at_all()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await using var locked = await RunningServer.StartAsync(("Inference:Provider", "none"), ("Access:Mode", "keys"));
        using (var refused = await locked.Http.GetAsync("/live", Cancel)) refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var live = (Rag.App.Pages.LiveState)server.Services.GetService(typeof(Rag.App.Pages.LiveState))!;
        JsonDocument.Parse(live.Now.Versions.Json(reads: true, operates: false)).RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["state", "documents"], ignoreOrder: true);
        JsonDocument.Parse(live.Now.Versions.Json(reads: false, operates: true)).RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["state", "incidents", "open"], ignoreOrder: true);
        JsonDocument.Parse(live.Now.Versions.Json(reads: false, operates: false)).RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["state"]);
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_those_who_listen()
    {
        var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        var streams = new List<StreamReader>();
        for (int i = 0; i < 20; i++) streams.Add(await ListenAsync(server.Http));
        foreach (var stream in streams) await NextAsync(stream);
        long started = Stopwatch.GetTimestamp();
        await server.StopAsync();
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        foreach (var stream in streams) stream.Dispose();
        await server.DisposeAsync();
    }

    private static async Task<StreamReader> ListenAsync(HttpClient http)
    {
        var response = await http.GetAsync("/live", HttpCompletionOption.ResponseHeadersRead, Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        return new StreamReader(await response.Content.ReadAsStreamAsync(Cancel));
    }

    private static async Task<JsonElement> NextAsync(StreamReader stream)
    {
        while (await stream.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel) is { } line)
            if (line.StartsWith("data: ", StringComparison.Ordinal)) return JsonDocument.Parse(line["data: ".Length..]).RootElement;
        throw new EndOfStreamException("The stream ended.");
    }
}
