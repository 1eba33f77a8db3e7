using System.Text.Json;

namespace Rag.Testing.Models;

/// <summary>A model that does what it is asked: passages that share the question's words, said again with their numbers.</summary>
public static class FairModel
{
    private const int MaxPassages = 3;

    public static ModelReply Reply(ModelCall call)
    {
        if (call.Rewrites)
        {
            string before = call.Section("conversation").Split('\n').Last(l => l.StartsWith("Question: ", StringComparison.Ordinal))["Question: ".Length..];
            return ModelReply.Tokens(JsonSerializer.Serialize(new { question = $"{call.Question.TrimEnd('?')} ({before.TrimEnd('?')})?" }), 7);
        }
        if (call.Judges) return ModelReply.Tokens(JsonSerializer.Serialize(new { supported = call.Section("passages").Contains(call.Section("sentence").TrimEnd('.'), StringComparison.Ordinal) }), 3);
        var chosen = Choose(call);
        if (call.Selects) return ModelReply.Tokens(JsonSerializer.Serialize(new { units = chosen.Select(p => p.Number) }), 3);
        return chosen.Count == 0 ? ModelReply.Say("NO ANSWER") : ModelReply.Tokens(string.Join(' ', chosen.Select(p => $"{p.Text.TrimEnd('.')} [{p.Number}].")), 5);
    }

    /// <summary>The passages with most of the question's words, best first; none where none has two of them.</summary>
    public static IReadOnlyList<ShownPassage> Choose(ModelCall call)
    {
        var words = Words(call.Question).ToHashSet();
        return [.. call.Passages.Select(p => (Passage: p, Shared: Words(p.Text).Distinct().Count(words.Contains))).Where(p => p.Shared >= Math.Min(2, words.Count)).OrderByDescending(p => p.Shared).Take(MaxPassages).Select(p => p.Passage)];
    }

    private static IEnumerable<string> Words(string text) => text.ToLowerInvariant().Split([' ', '\n', '.', ',', '?', '!', '|', ':', '(', ')'], StringSplitOptions.RemoveEmptyEntries).Where(w => w.Length > 3).Select(w => w.TrimEnd('s'));
}
