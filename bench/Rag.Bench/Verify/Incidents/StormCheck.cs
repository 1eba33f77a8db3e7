using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;

namespace Rag.Bench.Verify.Incidents;

/// <summary>
/// A thousand alerts in a minute: of fifty names, each at twenty places, posted in any order, some of them two or three times, those
/// that are over sometimes before those that began, to three replicas of which two are killed meanwhile.
/// </summary>
internal static class StormCheck
{
    private const int Names = 50, Places = 20, QuickNames = 10;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1), QuickMinute = TimeSpan.FromSeconds(4), SettleLimit = TimeSpan.FromMinutes(3);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (LocalCluster.Missing is { } missing) throw new CannotMeasureException(missing);
        int names = context.Quick ? QuickNames : Names;
        var length = context.Quick ? QuickMinute : Minute;
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using var mail = MailServer.Start();
        await using var hook = HttpInbox.Start();
        await using var cluster = await LocalCluster.StartAsync(3, Receivers.Settings(mail, hook), proxies: false, ct);
        var posts = Posts(names, random);
        var clients = cluster.Replicas.Select(r => new HttpClient { BaseAddress = r, Timeout = TimeSpan.FromSeconds(20) }).ToList();
        long started = Stopwatch.GetTimestamp();
        int again = 0;
        var killing = KillAsync(cluster, length, context.Quick ? [2] : [2, 3], ct);
        await Parallel.ForEachAsync(posts.Select((post, n) => (post, n)), new ParallelOptions { MaxDegreeOfParallelism = 12, CancellationToken = ct }, async (item, token) =>
        {
            var due = length * item.n / posts.Count - Stopwatch.GetElapsedTime(started);
            if (due > TimeSpan.Zero) await Task.Delay(due, token);
            // As a balancer does: whoever does not answer is left out, and Alertmanager posts until somebody does.
            for (int attempt = Random.Shared.Next(3); ; attempt++)
            {
                try
                {
                    using var response = await clients[attempt % clients.Count].PostAsJsonAsync("/admin/v1/alerts", item.post, token);
                    if (response.IsSuccessStatusCode) return;
                }
                catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !token.IsCancellationRequested)
                {
                }
                Interlocked.Increment(ref again);
                await Task.Delay(50, token);
            }
        });
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await killing;
        var wrong = new List<string>();
        // Half of the names are over everywhere; the others still fire at some place.
        var expected = Enumerable.Range(0, names).ToDictionary(Name, n => n % 2 == 0 ? "resolved" : "open");
        await Receivers.EventuallyAsync(() => Deliveries(hook, mail, cluster, expected, []) , SettleLimit, ct);
        // What would come twice has time to come.
        await Task.Delay(context.Quick ? TimeSpan.FromSeconds(2.5) : TimeSpan.FromSeconds(70), ct);
        Deliveries(hook, mail, cluster, expected, wrong);
        foreach (var client in clients) client.Dispose();
        string note = string.Create(CultureInfo.InvariantCulture, $"{names * Places} alerts of {names} names in {posts.Count} posts over {seconds:F0} s, {again} posted again because a replica was killed or starting, {(context.Quick ? 1 : 2)} killed, seed {seed}; {hook.All.Count} posts and {mail.Messages.Count} mails received");
        if (context.Quick) note += $"; smaller: {names} names of {Names}, {length.TotalSeconds:F0} s of {Minute.TotalSeconds:F0} s";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(20))}");
    }

    private static string Name(int n) => $"Storm{n}";

    private static List<object> Posts(int names, Random random)
    {
        var now = TimeProvider.System.GetUtcNow();
        var posts = new List<object>();
        for (int n = 0; n < names; n++)
        {
            var began = Enumerable.Range(0, Places).Select(p => new PostedAlert($"replica-{p}", $"{n:x4}{p:x4}", now - TimeSpan.FromSeconds(100 + p), null)).ToList();
            // Of the odd names, one place goes on.
            var over = began.Skip(n % 2).Select(a => a with { EndsAt = now - TimeSpan.FromSeconds(1 + random.Next(60)) }).ToList();
            foreach (var some in began.Chunk(5)) Add(Name(n), some, 1 + random.Next(2));
            foreach (var some in over.Chunk(7)) Add(Name(n), some, 1 + random.Next(2));
        }
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(posts));
        return posts;

        void Add(string name, PostedAlert[] alerts, int times)
        {
            for (int i = 0; i < times; i++) posts.Add(AlertPost.Of(name, "ticket", alerts));
        }
    }

    private static async Task KillAsync(LocalCluster cluster, TimeSpan length, int[] replicas, CancellationToken ct)
    {
        foreach (int replica in replicas)
        {
            await Task.Delay(length / 3, ct);
            await cluster.KillAsync(LocalCluster.Replica(replica), ct);
            await cluster.StartAsync(LocalCluster.Replica(replica), ct);
        }
    }

    /// <summary>Looks whether everything is there once; says what is not.</summary>
    private static bool Deliveries(HttpInbox hook, MailServer mail, LocalCluster cluster, IReadOnlyDictionary<string, string> expected, List<string> wrong)
    {
        using var http = new HttpClient { BaseAddress = cluster.Replicas[0] };
        using var body = JsonDocument.Parse(http.GetStringAsync("/admin/v1/incidents?state=all&limit=200").GetAwaiter().GetResult());
        var incidents = body.RootElement.GetProperty("incidents").EnumerateArray().Select(i => (Id: i.GetProperty("id").GetString()!, Key: i.GetProperty("key").GetString()!, State: i.GetProperty("state").GetString()!, Round: i.GetProperty("round").GetInt32())).ToList();
        foreach (var (name, state) in expected)
        {
            var mine = incidents.Where(i => i.Key == name).ToList();
            if (mine.Count != 1)
            {
                wrong.Add($"{name}: {mine.Count} incidents");
                continue;
            }
            if (mine[0].State != state) wrong.Add($"{name} is {mine[0].State}, not {state}");
            // One opening is one notification; what was over before its last alert arrived opens again, and says so again.
            foreach (string step in state == "resolved" ? (string[])["opened", "resolved"] : ["opened"])
            {
                var posted = hook.All.Where(r => Receivers.Is(r, mine[0].Id, step)).Select(r => r.Headers["idempotency-key"]).ToList();
                var mailed = mail.Messages.Where(m => Receivers.Is(m, mine[0].Id, step)).Select(m => m.MessageId ?? "").ToList();
                foreach (var (way, keys) in new[] { ("post", posted), ("mail", mailed) })
                {
                    if (keys.Count == 0) wrong.Add($"{name} {step}: no {way}");
                    if (keys.Count != keys.Distinct().Count()) wrong.Add($"{name} {step}: the same {way} {keys.Count} times");
                }
            }
        }
        foreach (var extra in incidents.Where(i => !expected.ContainsKey(i.Key))) wrong.Add($"an incident about {extra.Key}");
        return wrong.Count == 0;
    }
}
