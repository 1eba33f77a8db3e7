using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;
using Rag.Testing;
using Rag.Testing.Kubernetes;
using YamlDotNet.RepresentationModel;

namespace Rag.Bench.Verify.Kubernetes;

/// <summary>What deploy/kubernetes promises, as far as it can be proven without a cluster.</summary>
internal static partial class KubernetesChecks
{
    private const int Runs = 4_000, QuickRuns = 300;

    public static IEnumerable<Check> All()
    {
        yield return new("render-strict", "objects of all overlays that kubectl does not render or whose type does not know a field, and misspelt fields that were taken", Relation.AtMost, 0, RenderAsync);
        yield return new("lint", "breaches of rules on probes, limits, security contexts, images, secrets and references in all overlays", Relation.AtMost, 0, LintAsync);
        yield return new("settings", "overlays whose settings this program does not accept", Relation.AtMost, 0, SettingsAsync);
        yield return new("policies", "requests by Deployment, scale, autoscaler and ceiling that the admission policies decide wrongly", Relation.AtMost, 0, PoliciesAsync);
        yield return new("network", "pairs and ports that the network policies decide otherwise than is written down", Relation.AtMost, 0, NetworkAsync);
        yield return new("hpa", "breaches of the scaling guidelines by the rendered autoscaler on made and recorded loads, on virtual time", Relation.AtMost, 0, AutoscalerAsync);
        yield return new("recommend", "times at which 'rag scale recommend' and the autoscaler come to different numbers", Relation.AtMost, 0, RecommendAsync);
        yield return new("pod", "steps that fail as account 1654, without capabilities, on a root file system that cannot be written", Relation.AtMost, 0, PodCheck.MeasureAsync);
        yield return new("redis", "values lost when the primary of three Redis with three sentinels is killed, started by the scripts of the component", Relation.AtMost, 0, RedisCheck.MeasureAsync);
        yield return new("upgrade", "failed requests while the previous release is replaced by this one under load, and put back with one command", Relation.AtMost, 0, UpgradeCheck.FailedAsync);
        yield return new("upgrade-lost", "acknowledged documents that a replica does not have after both", Relation.AtMost, 0, UpgradeCheck.LostAsync);
    }

    private static async Task<IReadOnlyList<Manifest>> LoadAsync(string overlay, CancellationToken ct) => Manifests.Parse(await TextAsync(overlay, ct));

    private static Task<string> TextAsync(string overlay, CancellationToken ct) => Manifests.Missing is { } missing ? throw new CannotMeasureException(missing) : Manifests.RenderAsync(overlay, ct);

    private static async Task<Measured> RenderAsync(CheckContext context, CancellationToken ct)
    {
        int objects = 0, wrong = 0, misspelt = 0;
        var counts = new List<string>();
        var problems = new List<string>();
        foreach (string overlay in Manifests.Overlays)
        {
            string text = await TextAsync(overlay, ct);
            int before = objects;
            foreach (string document in Separator().Split(text).Where(d => d.Trim().Length > 0))
            {
                objects++;
                if (Parses(document) is { } problem)
                {
                    wrong++;
                    problems.Add($"{overlay}: {problem}");
                    continue;
                }
                // Every key of the object with a letter more, except where a map may have any key.
                var keys = Key().Matches(document).ToList();
                if (keys.Count == 0) continue;
                foreach (var key in context.Quick ? [keys[0], keys[^1]] : keys.Count > 60 ? keys.Where((_, i) => i % (keys.Count / 60) == 0) : keys)
                {
                    string changed = document[..key.Groups[2].Index] + key.Groups[2].Value + "z" + document[(key.Groups[2].Index + key.Groups[2].Length)..];
                    if (FreeMap(document, key.Index, key.Groups[1].Length) || !HasKey(changed, key.Groups[2].Value + "z")) continue;
                    misspelt++;
                    if (Parses(changed) is not null) continue;
                    wrong++;
                    problems.Add($"{overlay}: {key.Groups[2].Value}z was taken in {document.Split('\n').First(l => l.StartsWith("kind:", StringComparison.Ordinal))}");
                }
            }
            counts.Add($"{overlay} {objects - before}");
        }
        return new(wrong, $"{objects} objects ({string.Join(", ", counts)}), {misspelt} misspelt fields tried{(context.Quick ? "; smaller: two fields of each object" : "")}{Tail(problems)}");
    }

    private static string? Parses(string document)
    {
        try
        {
            Manifests.Parse(document);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    /// <summary>Whether some map has the key; what looks like one may be a line of a text.</summary>
    private static bool HasKey(string document, string key)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(document));
        return stream.Documents.SelectMany(d => d.AllNodes).OfType<YamlMappingNode>().Any(m => m.Children.ContainsKey(new YamlScalarNode(key)));
    }

    /// <summary>Whether a key stands in a map whose keys are anybody's: labels, selectors, data, quantities; or in a text of several lines.</summary>
    private static bool FreeMap(string document, int index, int indent)
    {
        var lines = document[..index].Split('\n');
        int least = indent;
        for (int i = lines.Length - 1; i >= 0; i--)
        {
            string line = lines[i];
            if (line.Trim().Length == 0) continue;
            int at = line.Length - line.TrimStart(' ').Length;
            if (at >= least) continue;
            least = at;
            if (FreeParent().IsMatch(line.TrimEnd())) return true;
        }
        return false;
    }

    private static async Task<Measured> LintAsync(CheckContext context, CancellationToken ct)
    {
        var problems = new List<string>();
        int objects = 0, pods = 0;
        foreach (string overlay in Manifests.Overlays)
        {
            var manifests = await LoadAsync(overlay, ct);
            objects += manifests.Count;
            pods += PodTemplates.Of(manifests).Count();
            problems.AddRange(ManifestLint.Check(manifests).Select(p => $"{overlay}: {p}"));
        }
        return new(problems.Count, $"{objects} objects, {pods} pod templates{Tail(problems)}");
    }

    private static async Task<Measured> SettingsAsync(CheckContext context, CancellationToken ct)
    {
        var problems = new List<string>();
        int keys = 0;
        foreach (string overlay in Manifests.Overlays)
        {
            using var files = new SettingsFiles();
            var environment = files.Place(ManifestLint.Settings(await LoadAsync(overlay, ct), "rag-system"));
            keys += environment.Count(e => e.Key.StartsWith("RAG__", StringComparison.Ordinal));
            try
            {
                await ChildServer.RunAsync(Path.Combine(AppContext.BaseDirectory, "rag"), ["config", "check"], ct, environment: environment);
            }
            catch (InvalidOperationException e)
            {
                problems.Add($"{overlay}: {e.Message}");
            }
        }
        return new(problems.Count, $"{keys} settings of {Manifests.Overlays.Count} overlays, read by 'rag config check'{Tail(problems)}");
    }

    private static async Task<Measured> PoliciesAsync(CheckContext context, CancellationToken ct)
    {
        var problems = new List<string>();
        int decided = 0;
        foreach (string overlay in Manifests.Overlays)
        {
            var policies = new AdmissionPolicies(await LoadAsync(overlay, ct));
            foreach (var one in PolicyCases.All)
            {
                decided++;
                var refusals = policies.Refusals(one.Request, one.Ceiling is { } ceiling ? new Dictionary<string, string> { ["ceiling"] = ceiling } : null, one.Ceiling is null);
                if ((refusals.Count == 0) != one.Allowed) problems.Add($"{overlay}: {one.Name} was {(refusals.Count == 0 ? "allowed" : "refused")}");
            }
        }
        return new(problems.Count, $"{PolicyCases.All.Count} requests, {PolicyCases.All.Count(c => !c.Allowed)} of them to be refused, on {decided / PolicyCases.All.Count} overlays; CEL by the library Cel, not by an API server{Tail(problems)}");
    }

    private static async Task<Measured> NetworkAsync(CheckContext context, CancellationToken ct)
    {
        var problems = new List<string>();
        int pairs = 0;
        foreach (string overlay in Manifests.Overlays)
        {
            var (compared, wrong) = NetworkMatrix.Compare(overlay, await LoadAsync(overlay, ct));
            pairs += compared;
            problems.AddRange(wrong);
        }
        return new(problems.Count, $"{pairs} pairs and ports on {Manifests.Overlays.Count} overlays{Tail(problems)}");
    }

    private static async Task<Measured> AutoscalerAsync(CheckContext context, CancellationToken ct)
    {
        var scaler = await ScalerAsync(ct);
        int runs = context.Quick ? QuickRuns : Runs, looks = 0, ups = 0, downs = 0;
        var problems = new List<string>();
        void Look(string name, IReadOnlyList<ScalingLook> run, bool still = false)
        {
            looks += run.Count;
            ups += run.Count(l => l.Up);
            downs += run.Count(l => l.Down);
            problems.AddRange(ScalingSimulation.Breaches(run).Select(b => $"{name}: {b}"));
            if (still && run.Any(l => l.Before != l.After)) problems.Add($"{name}: it followed");
        }
        var random = new Random(70);
        for (int run = 0; run < runs; run++)
        {
            int replicas = random.Next(3, 21), starts = random.Next(0, 240);
            var pieces = Enumerable.Range(0, random.Next(1, 12)).Select(_ => (Seconds: random.Next(15, 1_500), Share: random.Next(4) switch { 0 => random.NextDouble() * 0.35, 1 => 0.65 + random.NextDouble() * 0.1, 2 => 0.25 + random.NextDouble() * 0.1, _ => random.NextDouble() * 1.6 })).ToList();
            double Load(int second)
            {
                foreach (var (seconds, share) in pieces)
                {
                    if (second < seconds) return replicas * 2 * share;
                    second -= seconds;
                }
                return replicas * 2 * pieces[^1].Share;
            }
            Look($"load {run}", ScalingSimulation.Run(scaler, 2, Load, TimeSpan.FromSeconds(pieces.Sum(p => p.Seconds) + 1_200), replicas, starts));
        }
        foreach (var (replicas, peak) in new[] { (3, 0.69), (3, 0.9), (8, 0.8), (14, 1.5) })
            Look(string.Create(CultureInfo.InvariantCulture, $"recorded load at {peak:P0} of {replicas}"), ScalingSimulation.Run(scaler, 2, ScalingCases.RecordedLoad(replicas * 2, peak), TimeSpan.FromSeconds(ScalingCases.Recorded.Count * 5 + 900), replicas));
        foreach (int high in new[] { 15, 60, 180, 285 }) Look($"spikes of {high} s", ScalingSimulation.Run(scaler, 2, s => s % 300 < high ? 100 : 1.8, TimeSpan.FromHours(2)), still: true);
        foreach (int low in new[] { 60, 300, 585 }) Look($"lulls of {low} s", ScalingSimulation.Run(scaler, 2, s => s % 600 < low ? 0.1 : 10, TimeSpan.FromHours(3), replicas: 10), still: true);
        return new(problems.Count, $"{runs} made loads, 4 of the recorded one, 7 of spikes and lulls: {looks.ToString("N0", CultureInfo.InvariantCulture)} looks, {ups} times up, {downs} times down; the controller's algorithm, not the controller{(context.Quick ? $"; smaller: {runs} of {Runs} loads" : "")}{Tail(problems)}");
    }

    private static async Task<Measured> RecommendAsync(CheckContext context, CancellationToken ct)
    {
        var (compared, problems) = ScalingAgreement.Compare(await ScalerAsync(ct), context.Quick ? QuickRuns : Runs / 4);
        return compared == 0 ? throw new InvalidOperationException("Nothing was to be scaled.") : new(problems.Count, $"{compared} times either wanted another number{Tail(problems)}");
    }

    private static async Task<V2HorizontalPodAutoscaler> ScalerAsync(CancellationToken ct) => (await LoadAsync("production", ct)).Select(m => m.Typed).OfType<V2HorizontalPodAutoscaler>().Single();

    private static string Tail(IReadOnlyList<string> problems) => problems.Count == 0 ? "" : $"; {string.Join(" | ", problems.Take(5))}";

    [GeneratedRegex("^---[ \t]*$", RegexOptions.Multiline)]
    private static partial Regex Separator();

    [GeneratedRegex(@"^( *(?:- )?)([a-zA-Z]\w*):(?: |$)", RegexOptions.Multiline)]
    private static partial Regex Key();

    [GeneratedRegex(@"(^|[ -])(labels|annotations|matchLabels|data|binaryData|selector|requests|limits|parameters|nodeSelector):$|(: |- )[|>][-+]?\d*$")]
    private static partial Regex FreeParent();
}
