using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Rag.Answering.Verification;
using Rag.Inference;
using Rag.Testing.Claims;

namespace Rag.Bench.Verify.Models;

/// <summary>What verification lets through of what is true and of what is not.</summary>
internal static class VerificationChecks
{
    private const int Edits = 10_000, QuickEdits = 1_400, TruePerKind = 500, QuickTruePerKind = 60;

    private static readonly Lazy<Embedder> Model = new(() => new Embedder(new InferenceOptions { Threads = 1 }, TimeProvider.System, NullLogger<Embedder>.Instance));

    private static Task<EditResult>? _edits;
    private static Task<IReadOnlyList<WiceRow>>? _wice;

    public static IEnumerable<Check> All()
    {
        yield return new("edits", "share of edits of true sentences that are withheld, of documents and forms that were held out", Relation.AtLeast, 0.99, async (context, ct) => (await EditsAsync(context.Quick, ct)).Withheld(context.Quick));
        yield return new("edits-delivered", "share of true claims that are delivered: verbatim, shortened, reordered, rewritten, joined, answers as sentences", Relation.AtLeast, 0.9, async (context, ct) => (await EditsAsync(context.Quick, ct)).Delivered(context.Quick));
        yield return new("compose", "share of such edits that do not reach the asker when a composing model streams them over HTTP", Relation.AtLeast, 0.99, ComposeCheck.MeasureAsync);
        yield return new("edits-milliseconds", "95th percentile of verifying a claim with the model, against up to three spans of up to 512 tokens (ms)", Relation.AtMost, 30, MillisecondsAsync);
        yield return new("wice", "share of WiCE's not supported claims that are withheld", Relation.AtLeast, 0.9, (context, ct) => WiceAsync("not_supported", context.Quick, ct));
        yield return new("wice-partial", "share of WiCE's partially supported claims that are withheld", Relation.AtLeast, 0.7, (context, ct) => WiceAsync("partially_supported", context.Quick, ct));
        yield return new("wice-supported", "share of WiCE's supported claims that are delivered", Relation.Reported, null, (context, ct) => WiceAsync("supported", context.Quick, ct));
    }

    private sealed record Judged(ClaimCase Case, bool Supported, bool ByWordsAlone);

    private sealed record EditResult(int Seed, IReadOnlyList<Judged> HeldOut, IReadOnlyList<Judged> Open)
    {
        public Measured Withheld(bool quick) => Say(false, quick);

        public Measured Delivered(bool quick) => Say(true, quick);

        private Measured Say(bool truth, bool quick)
        {
            var held = HeldOut.Where(j => j.Case.True == truth).ToList();
            string kinds = string.Join(", ", held.GroupBy(j => j.Case.Kind).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} {Rate(g):P1} of {g.Count()}")));
            string note = string.Create(CultureInfo.InvariantCulture,
                $"{held.Count} claims, seed {Seed}: {kinds}; by words alone {held.Average(j => j.ByWordsAlone == truth ? 1.0 : 0):P1}; of the half that was developed with {Rate(Open.Where(j => j.Case.True == truth)):P1}");
            if (!truth)
                note += "; by what was edited: " + string.Join(", ", held.GroupBy(j => j.Case.Base).OrderByDescending(g => g.Count()).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} {Rate(g):P1} of {g.Count()}")));
            if (quick) note += "; smaller";
            return new(Math.Round(Rate(held), 4), note);

            double Rate(IEnumerable<Judged> of) => of.Average(j => j.Supported == truth ? 1.0 : 0);
        }
    }

    private static Task<EditResult> EditsAsync(bool quick, CancellationToken ct) => _edits ??= JudgeAsync(quick, ct);

    private static async Task<EditResult> JudgeAsync(bool quick, CancellationToken ct)
    {
        // A seed of the moment: nothing can have been tuned to it.
        int seed = Environment.TickCount;
        return new(seed, await HalfAsync(true, quick ? QuickEdits : Edits, quick ? QuickTruePerKind : TruePerKind), await HalfAsync(false, quick ? QuickEdits / 2 : Edits / 5, quick ? QuickTruePerKind / 2 : TruePerKind / 2));

        async Task<IReadOnlyList<Judged>> HalfAsync(bool heldOut, int edits, int truePerKind)
        {
            var source = await ClaimSource.LoadAsync(CheckContext.DataFolder("squad2"), CheckContext.DataFolder("docs"), heldOut, ct);
            var cases = new ClaimCases(source, seed, heldOut);
            var verifier = new ClaimVerifier(Model.Value);
            var judged = new List<Judged>();
            foreach (var item in cases.True(truePerKind).Concat(cases.False(edits)))
            {
                CitedSpan[] spans = [.. item.Spans.Select(s => new CitedSpan(s))];
                var reading = ClaimVerifier.Read(item.Claim, spans, "english");
                judged.Add(new(item, (await verifier.DecideAsync(item.Claim, reading, ct)).Supported, ClaimVerifier.Decide(reading, null, ClaimVerifier.FreeWithoutModel).Supported));
            }
            return judged;
        }
    }

    private static async Task<Measured> MillisecondsAsync(CheckContext context, CancellationToken ct)
    {
        const int SpanChars = 2_200;
        var source = await ClaimSource.LoadAsync(CheckContext.DataFolder("squad2"), CheckContext.DataFolder("docs"), heldOut: true, ct);
        var cases = new ClaimCases(source, 1, heldOut: true).True(context.Quick ? 20 : 100);
        var verifier = new ClaimVerifier(Model.Value);
        var words = new List<double>();
        var all = new List<double>();
        for (int i = 0; i < cases.Count; i++)
        {
            // As many tokens as a chunk has: the claim's own chunk, and text of others.
            CitedSpan[] spans = [.. Enumerable.Range(0, 3).Select(n => new CitedSpan(Fill(n == 0 ? cases[i].Spans[0] : "", cases, i * 7 + n, SpanChars)))];
            long started = Stopwatch.GetTimestamp();
            ClaimVerifier.Verify(cases[i].Claim, spans, "english");
            double lexical = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            started = Stopwatch.GetTimestamp();
            await verifier.VerifyAsync(cases[i].Claim, spans, "english", ct);
            if (i < 5) continue;
            words.Add(lexical);
            all.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        words.Sort();
        all.Sort();
        return new(Math.Round(all[(int)(all.Count * 0.95)], 2), string.Create(CultureInfo.InvariantCulture,
            $"{all.Count} claims; median {all[all.Count / 2]:F1} ms; by words alone median {words[words.Count / 2]:F1} ms, 95th percentile {words[(int)(words.Count * 0.95)]:F1} ms"));
    }

    private static string Fill(string text, IReadOnlyList<ClaimCase> cases, int from, int chars)
    {
        for (int n = 0; text.Length < chars; n++) text += " " + cases[(from + n) % cases.Count].Spans[0];
        return text[..chars];
    }

    private sealed record WiceRow(string Label, bool Even, ClaimVerifier.Reading Reading, double? Similarity);

    private static async Task<Measured> WiceAsync(string label, bool quick, CancellationToken ct)
    {
        var rows = await (_wice ??= ReadWiceAsync(quick, ct));
        var mine = rows.Where(r => r.Label == label).ToList();
        bool delivered = label == "supported";
        double Share(IEnumerable<WiceRow> of, double free) => of.Average(r => ClaimVerifier.Decide(r.Reading, r.Similarity, free).Supported == delivered ? 1.0 : 0);
        string note = string.Create(CultureInfo.InvariantCulture,
            $"{mine.Count} claims; the half that was developed with {Share(mine.Where(r => r.Even), ClaimVerifier.Free):P1}, the other {Share(mine.Where(r => !r.Even), ClaimVerifier.Free):P1}; by the coverage asked of free wording: {string.Join(", ", new[] { 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8 }.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f} {Share(mine, f):P0}")))}");
        if (delivered)
        {
            string strict = string.Join("; ", mine.Where(r => r.Reading.Verdict is { Supported: false }).GroupBy(r => Sort(r.Reading.Verdict!.Reason)).OrderByDescending(g => g.Count()).Select(g => $"{g.Key} {g.Count()}"));
            note += $"; withheld by a strict check: {strict}";
        }
        return new(Math.Round(Share(mine, ClaimVerifier.Free), 4), quick ? $"{note}; smaller: every third claim" : note);
    }

    /// <summary>A reason without its words.</summary>
    private static string Sort(string reason) => reason switch
    {
        _ when reason.StartsWith("the name", StringComparison.Ordinal) => "a name is missing",
        _ when reason.StartsWith("the number", StringComparison.Ordinal) => "a number is missing",
        _ when reason.StartsWith("the date", StringComparison.Ordinal) => "a date is missing",
        _ when reason.Contains("where the claim has", StringComparison.Ordinal) => "another name or number stands there",
        _ when reason.Contains("den", StringComparison.Ordinal) => "a negation",
        _ => "an operator or an opposite",
    };

    private static async Task<IReadOnlyList<WiceRow>> ReadWiceAsync(bool quick, CancellationToken ct)
    {
        const string Meta = "(meta data) ";
        var rows = new List<WiceRow>();
        var verifier = new ClaimVerifier(Model.Value);
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(CheckContext.DataFolder("wice"), "claim_dev.jsonl"), ct);
        for (int i = 0; i < lines.Length; i += quick ? 3 : 1)
        {
            using var json = JsonDocument.Parse(lines[i]);
            string claim = json.RootElement.GetProperty("claim").GetString()!;
            string[] evidence = [.. json.RootElement.GetProperty("evidence").EnumerateArray().Select(e => e.GetString()!)];
            // Title and date of the page stand above it, as a chunk's title does.
            string context = string.Join(". ", evidence.Where(e => e.StartsWith(Meta, StringComparison.Ordinal)).Select(e => e[Meta.Length..].Split(": ", 2)[^1]));
            var spans = SpanChooser.Spans(evidence, await SpanChooser.ChooseAsync(claim, evidence, "english", Model.Value, ct), context);
            var reading = ClaimVerifier.Read(claim, spans, "english");
            rows.Add(new(json.RootElement.GetProperty("label").GetString()!, i % 2 == 0, reading, await verifier.SimilarityAsync(claim, reading, ct)));
        }
        return rows;
    }
}
