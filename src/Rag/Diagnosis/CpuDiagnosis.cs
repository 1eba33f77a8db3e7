using System.Globalization;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>
/// What the processor is busy with: this process over some seconds, its routes, threads, collections and, where the area was
/// asked for by name, the methods that run most.
/// </summary>
internal sealed class CpuDiagnosis(HttpMetrics http, TimeProvider time) : IDiagnosis
{
    private const double Busy = 0.7, ThreadBusy = 0.75, MuchCollected = 0.1, Overloaded = 1.5, Throttled = 0.1;
    private const int Routes = 3, HotThreads = 3;

    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(2), Long = TimeSpan.FromSeconds(10), Step = TimeSpan.FromMilliseconds(250);

    public string Area => Areas.Cpu;

    private sealed record Snapshot(long At, ProcessUse Use, IReadOnlyDictionary<int, (string Name, double Seconds)> Threads, IReadOnlyDictionary<string, RouteTime> Routes, double PauseSeconds, (long Periods, long Throttled) Group)
    {
        public static Snapshot Take(HttpMetrics http, TimeProvider time) => new(
            time.GetTimestamp(), ProcessMetrics.Now, ThreadTimes.Read(), http.Times.ToDictionary(t => t.Route), GC.GetTotalPauseDuration().TotalSeconds, ControlGroup());
    }

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        var before = Snapshot.Take(http, time);
        var waited = WatchPoolAsync(request.Thorough ? Long : Quick, ct);
        var (profile, why) = request.Thorough ? await ProfileAsync(ct) : (null, null);
        var (leastQueued, mostThreads) = await waited;
        var after = Snapshot.Take(http, time);
        double seconds = time.GetElapsedTime(before.At, after.At).TotalSeconds;
        double cpu = (after.Use.CpuSeconds - before.Use.CpuSeconds) / seconds, share = cpu / after.Use.CpuCores;
        var threads = HottestThreads(before, after, seconds);
        string measured = string.Create(CultureInfo.InvariantCulture, $"{cpu:F2} of {after.Use.CpuCores} cores in {seconds:F0} s; load of the machine {Load()}");
        string routes = TopRoutes(before, after);
        string methods = profile is null ? why ?? "" : Methods(profile);
        string evidence = string.Join("; ", new[] { measured, Threads(threads), routes, methods }.Where(t => t.Length > 0));

        bool oneBurns = threads.Count > 0 && threads[0].Share > ThreadBusy && after.Use.CpuCores > 1;
        if (share > Busy || oneBurns)
            findings.Warning("burn", share > Busy ? $"This process uses {100 * share:F0} % of the processor time that it may use." : "A thread of this process wants a core all the time.", evidence,
                routes.Length > 0 && share > Busy ? "Requests wait for each other. If the routes are what is asked for, more replicas share it; if not, the hottest methods say what runs." : "Something computes without end or much more than it should; the hottest methods say what.",
                profile is null && why is null ? "rag doctor cpu" : routes.Length > 0 && share > Busy ? "kubectl scale deployment rag-system --replicas=10" : $"kubectl delete pod {Environment.MachineName}");
        if (leastQueued > 0)
            findings.Warning("threads", "Work waits for threads.", string.Create(CultureInfo.InvariantCulture, $"at least {leastQueued} pieces of work waited all the time, {mostThreads} threads"), "Requests are answered late though the processor may be idle: something blocks threads.", "rag doctor cpu");
        double paused = (after.PauseSeconds - before.PauseSeconds) / seconds;
        if (paused > MuchCollected) findings.Warning("collections", "Much time goes into collecting garbage.", string.Create(CultureInfo.InvariantCulture, $"{100 * paused:F0} % of {seconds:F0} s"), "Everything stands still meanwhile. The process has too little memory for what it does.", "rag doctor memory");
        long periods = after.Group.Periods - before.Group.Periods, throttled = after.Group.Throttled - before.Group.Throttled;
        if (periods > 0 && throttled > Throttled * periods)
            findings.Warning("throttled", "The container's limit holds the process back.", string.Create(CultureInfo.InvariantCulture, $"in {throttled} of {periods} periods"), "Answers are late though the machine has room.", "kubectl top pods");
        if (LoadPerCore() is { } load && load > Overloaded && share <= Busy)
            findings.Notice("machine", "Others keep this machine busy.", measured, "What this process needs it gets late.", "top -b -n 1 | head -20");
        if (why is not null) findings.Notice("no_profile", "No profile could be taken.", why, "The hottest methods are not known.");
        if (findings.Well) findings.Ok("room", "There is processor time left.", string.Create(CultureInfo.InvariantCulture, $"{evidence}; {ThreadPool.ThreadCount} pool threads; {100 * paused:F1} % in collections"));
        return findings;
    }

    private static async Task<(Profile? Profile, string? Why)> ProfileAsync(CancellationToken ct)
    {
        try
        {
            return (await Trace.ProfileAsync(Long, ct), null);
        }
        catch (Exception e) when (Trace.Refused(e))
        {
            return (null, e.Message);
        }
    }

    /// <summary>The fewest pieces of work that waited at any time, and the most threads.</summary>
    private async Task<(long LeastQueued, int MostThreads)> WatchPoolAsync(TimeSpan duration, CancellationToken ct)
    {
        long least = long.MaxValue, started = time.GetTimestamp();
        int most = 0;
        while (time.GetElapsedTime(started) < duration)
        {
            least = Math.Min(least, ThreadPool.PendingWorkItemCount);
            most = Math.Max(most, ThreadPool.ThreadCount);
            await Task.Delay(Step, time, ct);
        }
        return (least, most);
    }

    private static List<(string Name, double Share)> HottestThreads(Snapshot before, Snapshot after, double seconds) => after.Threads
        .Select(t => (t.Value.Name, Share: (t.Value.Seconds - (before.Threads.TryGetValue(t.Key, out var was) ? was.Seconds : 0)) / seconds))
        // The profiler's own.
        .Where(t => t.Name != ".NET EventPipe").OrderByDescending(t => t.Share).Take(HotThreads).Where(t => t.Share > 0.05).ToList();

    private static string Threads(List<(string Name, double Share)> threads) =>
        threads.Count == 0 ? "" : "busiest threads: " + string.Join(", ", threads.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Name} {100 * Math.Min(1, t.Share):F0} % of a core")));

    private static string TopRoutes(Snapshot before, Snapshot after)
    {
        var top = after.Routes.Values.Select(r => before.Routes.TryGetValue(r.Route, out var was) ? r with { Requests = r.Requests - was.Requests, Seconds = r.Seconds - was.Seconds } : r)
            .Where(r => r.Requests > 0).OrderByDescending(r => r.Seconds).Take(Routes).ToList();
        return top.Count == 0 ? "" : "routes by time: " + string.Join(", ", top.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Route} {r.Requests} requests, {r.Seconds:F2} s")));
    }

    private static string Methods(Profile profile) => profile.Samples == 0 ? "hottest methods: none ran"
        : $"hottest methods of {profile.Samples} samples: " + string.Join(", ", profile.Methods.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Method} {100 * m.Share:F0} %{(m.Caller is { } caller && caller != m.Method ? $" (from {caller})" : "")}")));

    private static string Load() => ReadLoad() is { } load ? load.ToString("F2", CultureInfo.InvariantCulture) : "unknown";

    private static double? LoadPerCore() => ReadLoad() / Environment.ProcessorCount;

    private static double? ReadLoad() => File.Exists("/proc/loadavg") && double.TryParse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture, out double load) ? load : null;

    private static (long Periods, long Throttled) ControlGroup()
    {
        const string Path = "/sys/fs/cgroup/cpu.stat";
        try
        {
            if (!File.Exists(Path)) return default;
            var values = File.ReadLines(Path).Select(l => l.Split(' ')).Where(f => f.Length == 2).ToDictionary(f => f[0], f => long.Parse(f[1], CultureInfo.InvariantCulture));
            return (values.GetValueOrDefault("nr_periods"), values.GetValueOrDefault("nr_throttled"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return default;
        }
    }
}
