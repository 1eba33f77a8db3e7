using System.Numerics.Tensors;
using Rag.Inference;

namespace Rag.Answering.Verification;

/// <summary>
/// Says whether the spans that a claim cites say it. Lexical first: the claim's words are aligned with the spans, what turns the
/// truth is checked strictly, and the rest must be covered. A model of sentences, where there is one, decides how much of the
/// rest may be said in other words; without one the words alone decide, and more of them must be there. Thread-safe.
/// </summary>
/// <param name="embedder">Null: none.</param>
internal sealed class ClaimVerifier(Embedder? embedder)
{
    /// <summary>A claim longer than this is no sentence, and is not supported.</summary>
    public const int MaxClaimChars = 2_000;

    /// <summary>Spans beyond this many are not read, nor what is longer than this in one.</summary>
    public const int MaxSpans = 8, MaxSpanChars = 12_000;

    /// <summary>
    /// The coverage that a claim in words of its own needs, with a model and without, and one that repeats a sentence: the nearer it
    /// keeps to the source's wording, the less may be other than there.
    /// </summary>
    internal const double Free = 0.58, FreeWithoutModel = 0.7, Repeating = 0.82;

    /// <summary>Up to the first share of repeated words a claim is in words of its own, from the second it repeats.</summary>
    private const double FreeUpTo = 0.35, RepeatingFrom = 0.6;

    /// <summary>A claim that means less than this of what it cites has its words by chance.</summary>
    private const double LeastSimilarity = 0.45;

    /// <summary>What similarity counts in the score.</summary>
    private const double SimilarityWeight = 0.3;

    private const double PerJump = 0.03;

    private const int MaxComparedChars = 600;

    /// <param name="claim">One sentence of a model's text, without its marks of citation.</param>
    /// <param name="spans">What it cites, verbatim.</param>
    /// <param name="language">Of <see cref="Ingestion.Languages"/>.</param>
    public Task<Verdict> VerifyAsync(string claim, IReadOnlyList<CitedSpan> spans, string language, CancellationToken cancel) =>
        DecideAsync(claim, Read(claim, spans, language), cancel);

    internal async Task<Verdict> DecideAsync(string claim, Reading reading, CancellationToken cancel)
    {
        if (reading.Verdict is { } decided) return decided;
        bool model = embedder is { Available: true };
        // What repeats the source needs no model to say that it means the same, and what has too few of its words is withheld anyhow.
        if (model && (reading.Repeated >= RepeatingFrom || reading.Coverage < Free)) return Decide(reading, null, Free);
        return Decide(reading, await SimilarityAsync(claim, reading, cancel).ConfigureAwait(false), model ? Free : FreeWithoutModel);
    }

    /// <summary>How near the claim's meaning is to the sentences that it speaks of: a cosine; null where there is no model.</summary>
    internal async Task<double?> SimilarityAsync(string claim, Reading reading, CancellationToken cancel)
    {
        if (embedder is not { Available: true } || reading.Touched.Length == 0) return null;
        var vectors = await embedder.EmbedAsync([claim, reading.Touched], cancel).ConfigureAwait(false);
        return TensorPrimitives.Dot(vectors[0], vectors[1]);
    }

    /// <summary>By words alone.</summary>
    internal static Verdict Verify(string claim, IReadOnlyList<CitedSpan> spans, string language)
    {
        var reading = Read(claim, spans, language);
        return reading.Verdict ?? Decide(reading, null, FreeWithoutModel);
    }

    /// <param name="Verdict">Where the words alone decide.</param>
    /// <param name="Touched">The sentences of the spans that the claim speaks of.</param>
    /// <param name="Loose">The first word of the claim that the spans do not have.</param>
    internal readonly record struct Reading(Verdict? Verdict, double Coverage, double Repeated, string Touched, string Loose);

    internal static Reading Read(string claim, IReadOnlyList<CitedSpan> spans, string language)
    {
        if (claim.Length > MaxClaimChars) return new(new(false, $"it is longer than {MaxClaimChars} characters", 0), 0, 0, "", "");
        if (spans.Count == 0) return new(new(false, "it cites nothing", 0), 0, 0, "", "");
        var lexicon = Lexicon.For(language);
        var words = TokenReader.Read(claim, lexicon);
        if (!words.Any(t => t.IsContent)) return new(new(false, "it says nothing that could be checked", 0), 0, 0, "", "");
        CitedSpan[] cited = [.. spans.Take(MaxSpans).Select(s => new CitedSpan(s.Text.Length > MaxSpanChars ? s.Text[..MaxSpanChars] : s.Text, s.Context.Length > MaxClaimChars ? s.Context[..MaxClaimChars] : s.Context))];
        var source = new CitedText(cited, lexicon);
        var alignment = Alignment.Of(words, source);
        var (coverage, loose) = Coverage(words, alignment);
        var difference = Difference.Of(words, source);
        if ((new StrictChecks(words, source, alignment, difference.Repeated).Run() ?? new DifferenceChecks(words, source, alignment, difference).Run()) is { } wrong) return new(new(false, wrong, Math.Min(coverage, 0.5)), coverage, difference.Repeated, "", "");
        if (coverage >= 0.999) return new(new(true, "", 1), coverage, difference.Repeated, "", "");
        return new(null, coverage, difference.Repeated, Touched(words, source, alignment, cited), loose);
    }

    private static (double Coverage, string Loose) Coverage(IReadOnlyList<Token> claim, Alignment alignment)
    {
        double all = 0, covered = 0;
        string loose = "";
        for (int i = 0; i < claim.Count; i++)
        {
            if (!claim[i].IsContent) continue;
            all += claim[i].Weight;
            if (alignment[i] >= 0) covered += claim[i].Weight * alignment.Fit(i);
            else if (loose.Length == 0 && claim[i].Weight >= 1) loose = claim[i].Text;
        }
        return (Math.Max(0, (all == 0 ? 0 : covered / all) - PerJump * alignment.Jumps), loose);
    }

    /// <param name="free">The coverage that a claim in words of its own needs.</param>
    internal static Verdict Decide(Reading reading, double? similarity, double free)
    {
        if (reading.Verdict is { } decided) return decided;
        double near = Math.Clamp((reading.Repeated - FreeUpTo) / (RepeatingFrom - FreeUpTo), 0, 1);
        bool supported = reading.Coverage >= free + near * (Repeating - free) && (similarity is null || similarity >= LeastSimilarity);
        double score = similarity is { } s ? (1 - SimilarityWeight) * reading.Coverage + SimilarityWeight * s : reading.Coverage;
        return new(supported, supported ? "" : reading.Loose.Length > 0 ? $"the source does not say \"{reading.Loose}\"" : "the source says too little of it", Math.Clamp(score, 0, 1));
    }

    private static string Touched(IReadOnlyList<Token> claim, CitedText source, Alignment alignment, CitedSpan[] spans)
    {
        // Sentences are named by their tokens; their text is cut from the first token to the last.
        var touched = new SortedSet<(int Span, int Sentence)>();
        for (int i = 0; i < claim.Count; i++)
            if (claim[i].IsContent && alignment[i] >= 0 && source.Tokens[alignment[i]].Sentence >= 0) touched.Add((source.Spans[alignment[i]], source.Tokens[alignment[i]].Sentence));
        var texts = new List<string>();
        int chars = 0;
        foreach (var (span, sentence) in touched)
        {
            int from = -1, to = -1;
            for (int t = 0; t < source.Tokens.Count; t++)
            {
                if (source.Spans[t] != span || source.Tokens[t].Sentence != sentence) continue;
                if (from < 0) from = source.Tokens[t].Start;
                to = Math.Max(to, source.Tokens[t].Start + source.Tokens[t].Text.Length);
            }
            string text = spans[span].Text[from..Math.Min(to, spans[span].Text.Length)];
            if (chars + text.Length > MaxComparedChars && texts.Count > 0) break;
            texts.Add(text);
            chars += text.Length;
        }
        return texts.Count > 0 ? string.Join(' ', texts) : spans[0].Text;
    }
}
