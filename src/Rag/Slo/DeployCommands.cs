using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Slo;

/// <param name="Verdict"><c>PASSED</c>, <c>FAILED</c>, or <c>INCONCLUSIVE</c> where there was too little to say.</param>
public sealed record DeployReport(string Verdict, IReadOnlyList<string> Reasons, double WatchedSeconds, IReadOnlyList<DeployCheck> Checks);

/// <summary><c>rag deploy watch</c>: exit code 1 where the new version is clearly worse, 0 where it is not or where nobody can say.</summary>
internal static class DeployCommands
{
    public const string Passed = "PASSED", Failed = "FAILED", Inconclusive = "INCONCLUSIVE";

    private static readonly TimeSpan MinWatch = TimeSpan.FromSeconds(5), MaxWatch = TimeSpan.FromHours(24), LongestPause = TimeSpan.FromMinutes(1);

    public static void AddDeploy(this RootCommand root, CommandContext context)
    {
        var length = new Option<string>("--for") { Description = "How long to watch, such as 30m; 5s to 1d.", DefaultValueFactory = _ => "30m" };
        var before = new Option<string>("--before") { Description = "How long a time before to compare with, such as 30m; 1m to 7d (default: 30m).", DefaultValueFactory = _ => "30m" };
        var watch = new Command("watch", "Compare the time from now on with the time before; ends early with exit code 1 where it is clearly worse.") { length, before };
        context.Bind(watch, async (parse, api, ct) =>
        {
            var watched = Durations.Parse(parse.GetValue(length)!, "--for", MinWatch, MaxWatch);
            var compared = Durations.Parse(parse.GetValue(before)!, "--before", DeployComparer.MinBefore, DeployComparer.MaxBefore);
            string path = $"/admin/v1/deploy/baseline?before={compared.TotalSeconds.ToString(CultureInfo.InvariantCulture)}";
            var baseline = await api.GetAsync(path, SloJson.Default.DeployBaseline, ct);
            var report = await WatchAsync(baseline, watched, () => api.PostAsync("/admin/v1/deploy/since", baseline, SloJson.Default.DeployBaseline, SloJson.Default.DeployFacts, ct), line => context.Remarks.WriteLine(line), TimeProvider.System, ct);
            if (!context.TryJson(parse, report, SloJson.Default.DeployReport)) Print(context.Out, report);
            return report.Verdict == Failed ? 1 : 0;
        });
        root.Add(new Command("deploy", "Deployments of new versions.") { watch });
    }

    /// <summary>Looks once a minute, or ten times where the time is short; a server that does not answer for a while is being restarted.</summary>
    internal static async Task<DeployReport> WatchAsync(DeployBaseline baseline, TimeSpan length, Func<Task<DeployFacts>> look, Action<string> say, TimeProvider time, CancellationToken ct)
    {
        var judge = new DeployJudge(baseline);
        var pause = length / 10 < LongestPause ? length / 10 : LongestPause;
        long started = time.GetTimestamp(), heard = started;
        IReadOnlyList<DeployCheck> checks = [];
        while (true)
        {
            var left = length - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) break;
            await Task.Delay(left < pause ? left : pause, time, ct);
            string at = Durations.Show(TimeSpan.FromSeconds(Math.Round(time.GetElapsedTime(started).TotalSeconds)));
            try
            {
                checks = judge.Look(await look());
                heard = time.GetTimestamp();
                say($"{at}: {string.Join("; ", checks.Where(c => c.Since.Length > 0).Select(c => $"{c.Name} {c.Since}"))}");
            }
            catch (RagException e) when (e.Kind is ErrorKind.Unavailable or ErrorKind.Overloaded)
            {
                say($"{at}: no answer. {e.Message}");
                if (time.GetElapsedTime(heard) >= DeployLimits.Silence) return Report(Failed, [$"The server has not answered for {Durations.Show(DeployLimits.Silence)}: {e.Message}"]);
            }
            if (checks.Any(c => c.Worse)) return Report(Failed, [.. checks.Where(c => c.Worse).Select(Reason)]);
        }
        if (checks.Count == 0) return Report(Inconclusive, ["The server did not answer once."]);
        // What was heard last is no longer so.
        if (time.GetElapsedTime(heard) > 2 * pause) return Report(Inconclusive, ["The server did not answer at the end."]);
        var open = checks.Where(c => !c.Enough).Select(Reason).ToList();
        return open.Count > 0 ? Report(Inconclusive, open) : Report(Passed, []);

        DeployReport Report(string verdict, IReadOnlyList<string> reasons) => new(verdict, reasons, Math.Round(time.GetElapsedTime(started).TotalSeconds, 1), checks);
    }

    private static string Reason(DeployCheck c) => $"{c.Name}: {(c.Before.Length > 0 ? $"{c.Before} before, {c.Since} since" : c.Since)}, {c.Why}.";

    private static void Print(IAnsiConsole console, DeployReport report)
    {
        string colour = report.Verdict switch { Passed => "green", Failed => "red", _ => "yellow" };
        console.MarkupLine($"[{colour}]{report.Verdict}[/] after {Durations.Show(TimeSpan.FromSeconds(Math.Round(report.WatchedSeconds)))}");
        foreach (var c in report.Checks) console.MarkupLineInterpolated($"  {c.Name,-21} {c.Before,-24} -> {c.Since}{(c.Why is null ? "" : $"  ({c.Why})")}");
        foreach (string reason in report.Reasons) console.MarkupLineInterpolated($"{reason}");
        console.WriteLine(report.Verdict switch
        {
            Passed => "Nothing is clearly worse than before.",
            Failed => "Put the former version back, and look for the reason: 'rag runbook planned-deployments'.",
            _ => "There was too little to compare: watch for longer, or ask some questions meanwhile.",
        });
    }
}
