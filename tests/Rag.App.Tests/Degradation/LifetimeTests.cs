using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace Rag.App.Tests.Degradation;

/// <summary>How a server comes and goes, seen from outside its process.</summary>
[Collection("degradation")]
public sealed class LifetimeTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-life-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task After_sigterm_it_is_not_ready_at_once_serves_on_and_asks_connections_to_close_and_then_ends_with_0()
    {
        await using var replica = await Replica.StartAsync(_data, "Server:DrainMs=1500");
        await replica.PutAsync("a.txt", "Herons stand in shallow water.");
        using (var before = await replica.TryAskAsync("Where do herons stand?")) before.Headers.ConnectionClose.ShouldBeNull();
        long started = Stopwatch.GetTimestamp();
        await replica.Process.SignalAsync("TERM", Cancel);
        await replica.WaitUntilAsync(async () => await replica.StatusAsync("/readyz") == 503);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(1));
        (await replica.StatusAsync("/livez"), await replica.StatusAsync("/startupz")).ShouldBe((200, 200));
        using (var during = await replica.TryAskAsync("Where do herons stand?"))
        {
            during.StatusCode.ShouldBe(HttpStatusCode.OK);
            during.Headers.ConnectionClose.ShouldBe(true);
        }
        await replica.Process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Stopwatch.GetElapsedTime(started).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(1_400));
        replica.Process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task What_is_under_way_is_finished_and_ctrl_c_does_not_wait_for_balancers()
    {
        await using var replica = await Replica.StartAsync(_data, "Server:DrainMs=60000");
        await replica.PutAsync("a.txt", "Herons stand in shallow water.");
        var body = new HeldContent("{\"uri\":\"b.txt\",\"text\":\"Egrets are white.\"}");
        var running = replica.Http.PostAsync("/v1/collections/default/documents", body, Cancel);
        await body.HalfSent;
        await Task.Delay(100, Cancel);
        long started = Stopwatch.GetTimestamp();
        await replica.Process.SignalAsync("INT", Cancel);
        await replica.WaitUntilAsync(async () =>
        {
            try
            {
                return await replica.StatusAsync("/livez") != 200;
            }
            catch (HttpRequestException)
            {
                return true;
            }
        });
        replica.Process.HasExited.ShouldBeFalse();
        body.Release();
        using var response = await running;
        (await response.Content.ReadAsStringAsync(Cancel)).ShouldContain("\"created\"");
        await replica.Process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(5), Cancel);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
        replica.Process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task Stopping_is_bounded_and_a_second_ctrl_c_ends_at_once()
    {
        await using var bounded = await Replica.StartAsync(_data, "Server:DrainMs=0", "Server:StopTimeoutMs=500");
        var running = bounded.Http.PostAsJsonAsync("/v1/search", new { query = "herons", wait_for = 1_000_000 }, Cancel);
        await Task.Delay(300, Cancel);
        await bounded.Process.SignalAsync("TERM", Cancel);
        await bounded.Process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(5), Cancel);
        await Should.ThrowAsync<HttpRequestException>(() => running);

        await using var twice = await Replica.StartAsync(_data, "Server:DrainMs=60000");
        await twice.Process.SignalAsync("TERM", Cancel);
        await twice.WaitUntilAsync(async () => await twice.StatusAsync("/readyz") == 503);
        await twice.Process.SignalAsync("INT", Cancel);
        await twice.Process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(2), Cancel);
    }

    [Fact]
    public async Task A_restart_under_load_loses_no_request_that_follows_the_connection_header()
    {
        await using var old = await Replica.StartAsync(_data, "Server:DrainMs=400");
        await old.PutAsync("a.txt", "Herons stand in shallow water.");
        int answered = 0;
        // Asks as a balancer would send: to a replica that says it is ready, on connections that it may keep.
        var askers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (await old.StatusAsync("/readyz") == 200)
            {
                using var response = await old.TryAskAsync("Where do herons stand?");
                response.StatusCode.ShouldBe(HttpStatusCode.OK);
                Interlocked.Increment(ref answered);
            }
        }, Cancel)).ToList();
        while (Volatile.Read(ref answered) < 50 && !askers.Exists(a => a.IsCompleted)) await Task.Delay(20, Cancel);
        await old.Process.SignalAsync("TERM", Cancel);
        await Task.WhenAll(askers);
        answered.ShouldBeGreaterThanOrEqualTo(50);
        await old.Process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        old.Process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task The_demo_ends_with_one_ctrl_c()
    {
        int port = Rag.Testing.ChildServer.FreePort();
        await using var demo = Rag.Testing.ChildServer.Start(
            Path.Combine(AppContext.BaseDirectory, "rag"), ["demo", "--data", _data, "--urls", $"http://127.0.0.1:{port}", "--set", "Inference:Provider=none", "--set", "Server:DrainMs=60000"], workingDirectory: _data);
        await demo.WaitUntilAsync(_ => Task.FromResult(demo.Output.Contains("Press Ctrl+C")), TimeSpan.FromSeconds(60), Cancel);
        long started = Stopwatch.GetTimestamp();
        await demo.SignalAsync("INT", Cancel);
        await demo.WaitForExitAsync(Cancel);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
        demo.ExitCode.ShouldBe(0, demo.Output);
    }

    /// <summary>A JSON body whose second half is sent when the test says so.</summary>
    private sealed class HeldContent : HttpContent
    {
        private readonly byte[] _bytes;
        private readonly TaskCompletionSource _half = new(TaskCreationOptions.RunContinuationsAsynchronously), _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public HeldContent(string json)
        {
            _bytes = System.Text.Encoding.UTF8.GetBytes(json);
            Headers.ContentType = new("application/json");
        }

        public Task HalfSent => _half.Task;

        public void Release() => _release.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_bytes.AsMemory(0, _bytes.Length / 2));
            await stream.FlushAsync();
            _half.TrySetResult();
            await _release.Task;
            await stream.WriteAsync(_bytes.AsMemory(_bytes.Length / 2));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _bytes.Length;
            return true;
        }
    }
}
