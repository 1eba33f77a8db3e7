using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Playwright;
using Rag.Inference.Generation;
using Rag.Testing;
using Rag.Testing.Console;
using Rag.Testing.Models;

namespace Rag.Bench.Verify.Console;

/// <summary>
/// A replica is killed (SIGKILL) while it streams an answer to a page in a browser: on PostgreSQL one of two behind haproxy, on SQLite the
/// only one, which is started again. The page must come to a whole answer or to an error that says so and can be tried again, and must
/// at no moment show half an answer as a whole one. Then whatever the page listens to is killed, and it must be live again.
/// </summary>
internal static class StreamRestartCheck
{
    private const int Rounds = 8, QuickRounds = 1, Pumps = 40;

    /// <summary>How long a page may take to come to its end, and to be live again.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(200), Poll = TimeSpan.FromMilliseconds(50), Supervisor = TimeSpan.FromSeconds(1), KnownToBalancer = TimeSpan.FromSeconds(1);

    /// <summary>Longer than proxies let a stream be silent.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(75);

    private const string Ask = "Ask again";

    /// <summary>What the page shows: that it asks, a stream that goes on, an answer with its id, an error that can be tried again, or nothing.</summary>
    private const string Shown = """
        again => {
          const result = document.getElementById("result"), answer = result.querySelector("[data-answer]"), bad = result.querySelector(".note.bad");
          if (result.ariaBusy === "true" && !document.getElementById("answer-stream") && !answer) return { kind: "busy", text: "", id: "" };
          if (document.getElementById("answer-stream")) return { kind: "stream", text: "", id: "" };
          if (answer) return { kind: "answer", text: answer.querySelector(".prose")?.textContent ?? "", id: answer.dataset.answer };
          if (bad) return { kind: [...bad.querySelectorAll("button")].some(b => b.textContent === again) ? "error" : "dead end", text: bad.textContent, id: "" };
          return { kind: "nothing", text: result.textContent, id: "" };
        }
        """;

    private sealed record Sight(string Kind, string Text, string Id);

    /// <summary>A way to the service, and what of it can be killed.</summary>
    private interface IPlace : IAsyncDisposable
    {
        Uri Address { get; }

        /// <summary>Which part serves most, once something more than before is asked of it.</summary>
        Task<Dictionary<string, int>> LoadsAsync(CancellationToken ct);

        Task KillAsync(string part, CancellationToken ct);

        /// <summary>Starts it again, and waits until it serves.</summary>
        Task StartAsync(string part, CancellationToken ct);
    }

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var world = await context.ConsoleAsync();
        int rounds = context.Quick ? QuickRounds : Rounds, whole = 0, errors = 0, restarted = 0, relived = 0;
        // On PostgreSQL there is another replica to go on at.
        IReadOnlyList<string> engines = context.Quick ? [ConsoleEngines.PostgreSql] : ConsoleEngines.All;
        double slowest = 0;
        var wrong = new List<string>();
        await using var model = await ScriptedModel.StartAsync();
        model.Script = Drip;
        string[] settings =
        [
            "Generation:Provider=openai", $"Generation:Endpoint={model.Endpoint}", $"Generation:Model={ScriptedModel.Name}", $"Generation:Mode={GenerationOptions.Compose}",
            "Generation:TimeoutMs=14000", "Generation:FirstTokenMs=8000", "Generation:StallMs=8000", "Generation:BreakerFailures=100000",
        ];
        foreach (string engine in engines)
        {
            await using IPlace place = engine == ConsoleEngines.Sqlite ? await Alone.StartAsync(settings, ct) : await Balanced.StartAsync(settings, ct);
            using var http = new HttpClient { BaseAddress = place.Address, Timeout = TimeSpan.FromMinutes(2) };
            var state = new ConsoleState(http, ConsoleContent.Sample, ct);
            foreach (var pumps in Enumerable.Range(0, Pumps).Chunk(20)) await state.AddAsync("default", pumps.Select(i => ($"pump{i}.txt", Text(i))));
            await state.EmbeddedAsync("default");
            var random = new Random(41);
            for (int round = 0; round < rounds; round++)
            {
                string at = $"{engine}, round {round + 1}", question = $"Where does pump {round * 4 + 1} stand, and how much does it move?";
                await using var visit = await world.VisitAsync();
                await visit.Page.GotoAsync(place.Address.ToString());
                await visit.Page.Locator("#q").FillAsync(question);
                var before = await place.LoadsAsync(ct);
                await visit.Page.Locator("#q").PressAsync("Enter");
                await visit.Page.Locator("#answer-stream .prose").WaitForAsync();
                var during = await place.LoadsAsync(ct);
                string streaming = during.MaxBy(d => d.Value - before[d.Key]).Key;
                await Task.Delay(random.Next(0, 2_000), ct);
                if ((await SeeAsync(visit.Page)).Kind != "stream") throw new InvalidOperationException("The stream was over before anything was killed.");
                long killed = TimeProvider.System.GetTimestamp();
                await place.KillAsync(streaming, ct);
                var back = BackAsync(place, streaming, ct);
                var sight = await EndAsync(visit.Page, killed, ct);
                slowest = Math.Max(slowest, TimeProvider.System.GetElapsedTime(killed).TotalSeconds);
                await back;
                switch (sight.Kind)
                {
                    case "answer":
                        whole++;
                        break;
                    case "error":
                        errors++;
                        await visit.Page.GetByRole(AriaRole.Button, new() { Name = Ask }).ClickAsync();
                        sight = await EndAsync(visit.Page, TimeProvider.System.GetTimestamp(), ct);
                        if (sight.Kind != "answer") wrong.Add($"{at}: tried again it came to {sight.Kind}: {sight.Text}");
                        break;
                    default:
                        wrong.Add($"{at}: it came to {sight.Kind}: {sight.Text}");
                        break;
                }
                if (sight.Kind == "answer" && await DifferenceAsync(state, sight) is { } difference) wrong.Add($"{at}: {difference}");
                restarted++;

                // Whoever it listens to now, it may be the other: all are gone once, one after the other.
                foreach (string part in before.Keys.Where(p => p != streaming))
                {
                    await place.KillAsync(part, ct);
                    await BackAsync(place, part, ct);
                }
                if (await LiveAsync(visit.Page, state, $"Pump {round} of {engine} is loud")) relived++;
                else wrong.Add($"{at}: the page was not live again after {Limit.TotalSeconds:F0} s");
            }
            if (!context.Quick && await CutAsync(http, ct) is { } cut) wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{engine}: /live was cut after {cut:F1} s though nothing was killed"));
        }
        string note = string.Create(CultureInfo.InvariantCulture, $"{restarted} streams cut by kill -9: {whole} went on to a whole answer, {errors} to an error that could be tried again, the slowest after {slowest:F1} s; {relived} pages live again");
        return ConsoleChecks.Counted(wrong, context.Quick ? note + $"; smaller: {QuickRounds} of {Rounds} rounds, one engine of two" : note);
    }

    /// <summary>All that the passages say, in pieces that take their time.</summary>
    private static ModelReply Drip(ModelCall call)
    {
        if (!call.Composes) return FairModel.Reply(call);
        string said = string.Join(' ', FairModel.Choose(call).Concat(call.Passages).DistinctBy(p => p.Number).Take(4).Select(p => $"{p.Text.TrimEnd('.')} [{p.Number}]."));
        return ModelReply.Tokens(said, 9) with { Between = Between };
    }

    private static string Text(int pump) =>
        $"Pump {pump} stands in hall {pump * 7 % 50}. Pump {pump} moves {pump + 10} litres a minute. Pump {pump} was painted in {1950 + pump}. The keeper of pump {pump} has office {pump + 300}.";

    private static async Task BackAsync(IPlace place, string part, CancellationToken ct)
    {
        await Task.Delay(Supervisor, ct);
        await place.StartAsync(part, ct);
    }

    private static async Task<Sight> SeeAsync(IPage page)
    {
        var seen = await page.EvaluateAsync<JsonElement>(Shown, Ask);
        return new(seen.GetProperty("kind").GetString()!, seen.GetProperty("text").GetString()!, seen.GetProperty("id").GetString()!);
    }

    /// <summary>What the page comes to, or what it shows when its time is up.</summary>
    private static async Task<Sight> EndAsync(IPage page, long since, CancellationToken ct)
    {
        while (true)
        {
            Sight sight;
            try
            {
                sight = await SeeAsync(page);
            }
            catch (PlaywrightException)
            {
                // It goes to another address just now.
                sight = new("nothing", "", "");
            }
            if (sight.Kind is "answer" or "error" or "dead end" || TimeProvider.System.GetElapsedTime(since) > Limit) return sight;
            await Task.Delay(Poll, ct);
        }
    }

    /// <summary>How the answer on the page differs from the one that is kept; null where it is all of it.</summary>
    private static async Task<string?> DifferenceAsync(ConsoleState state, Sight sight)
    {
        var kept = await state.GetAsync($"/v1/answers/{sight.Id}");
        string page = Letters(sight.Text);
        foreach (var sentence in kept.GetProperty("sentences").EnumerateArray())
            if (!page.Contains(Letters(sentence.GetProperty("text").GetString()!), StringComparison.Ordinal)) return $"the answer on the page lacks “{sentence.GetProperty("text").GetString()}”";
        return kept.GetProperty("sentences").GetArrayLength() == 0 ? "the answer is empty" : null;
    }

    private static string Letters(string text) => string.Concat(text.Where(char.IsLetterOrDigit));

    /// <summary>Seconds after which whatever stands before the service ended a stream on which nothing happened; null where none did.</summary>
    private static async Task<double?> CutAsync(HttpClient http, CancellationToken ct)
    {
        long started = TimeProvider.System.GetTimestamp();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        enough.CancelAfter(Quiet);
        try
        {
            await using var stream = await http.GetStreamAsync("/live", enough.Token);
            byte[] buffer = new byte[4_096];
            while (await stream.ReadAsync(buffer, enough.Token) > 0)
            {
                // A change, or a sign of life.
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // Cut in the middle of a chunk.
        }
        return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Whether the bar counts an incident that is opened now.</summary>
    private static async Task<bool> LiveAsync(IPage page, ConsoleState state, string title)
    {
        var badge = page.Locator(".open-incidents .count");
        await state.PostAsync("/admin/v1/incidents", new { title, severity = "P3" });
        int open = (await state.GetAsync("/admin/v1/incidents")).GetProperty("incidents").EnumerateArray().Count(i => i.GetProperty("state").GetString() != "resolved");
        try
        {
            await Assertions.Expect(badge).ToHaveTextAsync(open.ToString(CultureInfo.InvariantCulture), new() { Timeout = (float)Limit.TotalMilliseconds });
            return true;
        }
        catch (PlaywrightException)
        {
            return false;
        }
    }

    /// <summary>The only replica, with a record on its disk.</summary>
    private sealed class Alone(string data, string[] settings, int port) : IPlace
    {
        private ServerProcess _server = null!;

        public Uri Address { get; } = new($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");

        public static async Task<IPlace> StartAsync(string[] settings, CancellationToken ct)
        {
            var place = new Alone(Directory.CreateTempSubdirectory("rag-restart-").FullName, settings, ServerProcess.FreePort());
            await place.StartAsync("replica", ct);
            return place;
        }

        public Task<Dictionary<string, int>> LoadsAsync(CancellationToken ct) => Task.FromResult(new Dictionary<string, int> { ["replica"] = 0 });

        public Task KillAsync(string part, CancellationToken ct) => _server.KillAsync();

        public async Task StartAsync(string part, CancellationToken ct)
        {
            if (_server is not null) await _server.DisposeAsync();
            _server = ServerProcess.StartRagAt(port, data, settings);
            await _server.WaitReadyAsync(ct);
        }

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>Two replicas behind haproxy, on PostgreSQL.</summary>
    private sealed class Balanced(LocalCluster cluster) : IPlace
    {
        private const int Replicas = 2;

        public Uri Address => cluster.Balancer;

        public static async Task<IPlace> StartAsync(string[] settings, CancellationToken ct)
        {
            if (LocalCluster.Missing is { } missing) throw new CannotMeasureException($"{missing}; deploy/local/README.md says what to install");
            return new Balanced(await LocalCluster.StartAsync(Replicas, settings, proxies: false, ct));
        }

        /// <summary>Requests that each replica has in hand, as haproxy counts them.</summary>
        public async Task<Dictionary<string, int>> LoadsAsync(CancellationToken ct)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(cluster.State, "haproxy", "admin.sock")), ct);
            await using var stream = new NetworkStream(socket);
            await stream.WriteAsync("show stat\n"u8.ToArray(), ct);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            var lines = (await reader.ReadToEndAsync(ct)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.TrimStart('#', ' ').Split(',')).ToList();
            int backend = Array.IndexOf(lines[0], "pxname"), server = Array.IndexOf(lines[0], "svname"), current = Array.IndexOf(lines[0], "scur");
            var loads = lines.Skip(1).Where(l => l[backend] == "questions" && l[server] is not ("BACKEND" or "FRONTEND")).ToDictionary(l => l[server], l => int.Parse(l[current], CultureInfo.InvariantCulture));
            return loads.Count == Replicas ? loads : throw new InvalidOperationException($"haproxy knows the replicas {string.Join(", ", loads.Keys)}.");
        }

        public Task KillAsync(string part, CancellationToken ct) => cluster.KillAsync(part, ct);

        public async Task StartAsync(string part, CancellationToken ct)
        {
            await cluster.StartAsync(part, ct);
            await Task.Delay(KnownToBalancer, ct);
        }

        public ValueTask DisposeAsync() => cluster.DisposeAsync();
    }
}
