using System.Buffers;

namespace Rag.Security.Detection;

/// <summary>What a document holds that is meant for a model or kept from its reader.</summary>
internal sealed record DocumentSign(string Pattern, int Weight, string Excerpt);

/// <summary>
/// Looks through a document for orders to a model and for text that is not seen. A document may be about attacks, and about
/// prompts: of SQL and scripts nothing is looked for here, for a document is data, and an order counts only in words that
/// leave no doubt. Hidden text counts where it is hidden from the reader alone; menus that a page folds away are no message.
/// </summary>
internal static class DocumentSigns
{
    private const int Window = 400, MaxWindows = 2_000, MinHiddenLetters = 12;

    /// <summary>Without one of these no order is possible, and most documents have none: they are looked for first, which costs next to nothing.</summary>
    private static readonly SearchValues<string> Hints = SearchValues.Create(
        [
            "ignore", "disregard", "forget", "override", "overrule", "bypass", "discard", "do not follow", "stop following", "pay no attention", "supersede", "system prompt", "hidden prompt", "initial instructions", "secret instructions",
            "anything now", "jailb", "<|im_", "<|sys", "<|end", "[inst]", "<<sys>>", "start_of_turn", "start_header_id", "\"role\"", "you are now", "no longer bound", "new instructions", "from now on", "ignorier", "vergiss", "missachte",
            "ignorez", "oublie", "olvida", "ignora", "esque", "dimentica", "negeer", "zignoruj", "игнорируй", "забудь", "忽略", "无视", "無視", "忘记", "무시", "تجاهل", "talimat", "अनदेखा", "ignorera", "![",
        ], StringComparison.OrdinalIgnoreCase);

    public static IReadOnlyList<DocumentSign> Of(string text, IReadOnlyList<KeyValuePair<string, string>> hidden)
    {
        var signs = new List<DocumentSign>();
        int windows = 0, weight = 0;
        string worst = "";
        for (int at = 0; at < text.Length && windows < MaxWindows && weight < Sign.Alarm; windows++)
        {
            int found = text.AsSpan(at).IndexOfAny(Hints);
            if (found < 0) break;
            int start = Math.Max(0, at + found - Window / 4), end = Math.Min(text.Length, at + found + Window);
            string near = text[start..end];
            // A text about orders quotes them; what quotes is held to be a reader's.
            if (PromptInjection.Weigh(near, Reading.Prose, document: true) is var w && w > weight) (weight, worst) = (w, near);
            at += found + 1;
        }
        // A manual of prompts shows them in sentences; one sign is the subject, an alarm is the order itself.
        if (weight > 0) signs.Add(new(Access.SecurityPattern.DocumentInjection, weight, worst));
        foreach (var (how, what) in hidden)
        {
            bool letters = what.Count(char.IsLetter) >= MinHiddenLetters;
            int order = Views.Of(what).Max(v => PromptInjection.Weigh(v, Reading.Bare));
            if (order >= 4) signs.Add(new(Access.SecurityPattern.DocumentInjection, Sign.Alarm, what));
            if (how == Folded) continue;
            if (how == Marks || letters) signs.Add(new(Access.SecurityPattern.HiddenText, Sign.Alarm, $"{how}: {what}"));
        }
        return signs;
    }

    /// <summary>Left out by the page for everybody (<c>display: none</c>), as menus are.</summary>
    public const string Folded = "folded";

    /// <summary>Characters that are not seen.</summary>
    public const string Marks = "marks";
}
