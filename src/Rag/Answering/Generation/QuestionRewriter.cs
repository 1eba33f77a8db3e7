using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference.Generation;
using Rag.Retrieval;

namespace Rag.Answering.Generation;

/// <summary>A follow-up as it is answered.</summary>
/// <param name="Question">Standing alone, in the form that everything works on.</param>
/// <param name="By"><c>model</c> or <c>rule</c>; null where it is what was asked.</param>
/// <param name="PromptSha256">Of what the model was sent; null where it was not asked.</param>
/// <param name="Degraded">Why the model did not do it; null where it did, or there is none.</param>
internal sealed record Rewriting(string Question, string? By, string? PromptSha256, string? Degraded);

/// <summary>
/// Makes a question of a conversation stand alone: by the model, or, where there is none or it fails, by joining to it the
/// words that count of the questions before.
/// </summary>
internal sealed class QuestionRewriter(LanguageModel model)
{
    /// <summary>Turns that are looked at, the last ones.</summary>
    private const int MaxTurns = 6;

    private const int MaxOutputTokens = 256;
    private const int MaxChars = 500;
    private const int MaxAnswerChars = 1_200;

    /// <summary>A question with so few words that count leans on what was said before.</summary>
    private const int FewWords = 2;

    /// <summary>Words of earlier questions that are joined, at most.</summary>
    private const int MaxJoined = 12;

    /// <summary>Words that point back, in the languages that the product's pages are most asked in (en, de, fr, es).</summary>
    private static readonly FrozenSet<string> Pointing = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "it", "its", "they", "them", "their", "theirs", "this", "that", "these", "those", "there", "he", "him", "his", "she", "her", "hers", "one", "ones", "then", "same", "else", "such",
        "er", "sie", "es", "ihn", "ihm", "ihr", "ihre", "ihren", "ihnen", "dies", "diese", "dieser", "dieses", "diesen", "das", "jene", "dort", "davon", "dazu", "damit", "dabei", "dafür",
        "il", "elle", "ils", "elles", "le", "la", "les", "lui", "leur", "leurs", "cela", "ça", "ce", "cette", "ces", "celui", "celle", "ceux", "y", "en",
        "él", "ella", "ellos", "ellas", "lo", "esto", "eso", "este", "esta", "ese", "esa", "estos", "estas", "allí", "ahí", "su", "sus");

    public async Task<Rewriting> RewriteAsync(IReadOnlyList<AskTurn> history, string question, string language, TimeSpan left, CancellationToken ct)
    {
        var turns = history.TakeLast(MaxTurns).Select(t => t with { Answer = t.Answer is { Length: > MaxAnswerChars } a ? a[..MaxAnswerChars] : t.Answer }).ToList();
        if (!model.Configured) return ByRule(turns, question, language, null, null);
        var request = Prompts.Rewrite(turns, question, Prompts.NewFence(), MaxOutputTokens);
        string sha256 = request.Sha256(model.Name);
        var reply = new StringBuilder();
        string? rewritten = null;
        try
        {
            await model.RunAsync(request, left, piece =>
            {
                if (piece is null) rewritten = Read(reply.ToString());
                else reply.Append(piece);
                return ValueTask.FromResult(true);
            }, ct);
        }
        catch (RagException e)
        {
            return ByRule(turns, question, language, sha256, e.Message);
        }
        return rewritten == question ? new(question, null, sha256, null) : new(rewritten!, "model", sha256, null);
    }

    /// <summary>The question in the model's reply.</summary>
    /// <exception cref="ModelFaultException">Nonsense: it is not the object that was asked for, or not one short line.</exception>
    private static string Read(string reply)
    {
        try
        {
            using var json = JsonDocument.Parse(reply, new JsonDocumentOptions { MaxDepth = 2 });
            if (json.RootElement is { ValueKind: JsonValueKind.Object } root && root.EnumerateObject().Count() == 1
                && root.TryGetProperty("question", out var value) && value.ValueKind == JsonValueKind.String
                && value.GetString()!.Trim() is { Length: > 0 and <= MaxChars } line && !line.AsSpan().ContainsAny('\n', '\r'))
                return QueryText.Normalise(line);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or RagException)
        {
            throw new ModelFaultException(ModelFault.Nonsense, "did not rewrite the question in the form that it was asked for", e);
        }
        throw new ModelFaultException(ModelFault.Nonsense, "did not rewrite the question in the form that it was asked for");
    }

    private static Rewriting ByRule(IReadOnlyList<AskTurn> turns, string question, string language, string? sha256, string? degraded)
    {
        using var analyzer = Analyzers.For(language);
        var own = QuestionTerms.Of(analyzer, question);
        bool alone = own.Count > FewWords && !Words(question).Any(Pointing.Contains);
        if (alone) return new(question, null, sha256, degraded);
        var joined = new List<string>();
        var known = own.ToHashSet();
        foreach (var turn in turns.Reverse())
        {
            string earlier = turn.Question.ToLowerInvariant();
            var telling = QuestionTerms.Of(analyzer, earlier).ToHashSet();
            var words = Words(earlier).Where(w => !Pointing.Contains(w) && Analyzers.Terms(analyzer, w).ToList() is { Count: > 0 } terms && terms.TrueForAll(t => telling.Contains(t)) && terms.Exists(known.Add)).ToList();
            joined.InsertRange(0, words);
            // A question that had a subject of its own is what this one leans on.
            if (words.Count >= FewWords) break;
        }
        if (joined.Count == 0) return new(question, null, sha256, degraded);
        string rewritten = $"{question} {string.Join(' ', joined.Take(MaxJoined))}";
        return rewritten.Length <= QueryText.MaxChars ? new(rewritten, "rule", sha256, degraded) : new(question, null, sha256, degraded);
    }

    private static IEnumerable<string> Words(string text)
    {
        int start = -1;
        for (int i = 0; i <= text.Length; i++)
        {
            bool inside = i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] is '-' or '_' or '.' or '\'' && i + 1 < text.Length && char.IsLetterOrDigit(text[i + 1]));
            if (inside && start < 0) start = i;
            if (inside || start < 0) continue;
            yield return text[start..i];
            start = -1;
        }
    }
}
