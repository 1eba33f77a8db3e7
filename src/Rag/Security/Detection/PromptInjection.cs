using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// Orders to a language model: to leave its instructions, to give them away, to be another; forged marks of the system or of
/// turns; the same in other languages and in disguise. An order stands where a clause begins. What somebody asks about such
/// orders stands inside a sentence, and is a question like any other.
/// </summary>
internal static partial class PromptInjection
{
    private const int MaxDisguised = 4_000;

    /// <param name="document">Whether it is a piece of a document: what that quotes is its subject.</param>
    public static int Weigh(string text, Reading reading, bool document = false)
    {
        int weight = WeighPlain(text, reading, document);
        if (weight >= Sign.Alarm || text.Length > MaxDisguised) return weight;
        // Each disguise only where there is reason to look behind it.
        string lower = text.ToLowerInvariant();
        if (Spaced().In(lower)) weight = Math.Max(weight, WeighPlain(Spaced().Replace(lower, m => Separators().Replace(m.Value, "")), reading) is var joined and > 0 ? joined : WeighRun(Separators().Replace(lower, "")));
        if (weight < Sign.Alarm && Leet().In(lower)) weight = Math.Max(weight, WeighPlain(Unleet(lower), reading));
        if (weight < Sign.Alarm && Turned().In(lower)) weight = Math.Max(weight, WeighPlain(Reversed(text), reading));
        if (weight < Sign.Alarm && Rotated().In(lower)) weight = Math.Max(weight, WeighPlain(Rot13(text), reading));
        if (weight < Sign.Alarm && Hex().Match(lower) is { Success: true } hex && FromHex(hex.Value) is { } inner) weight = Math.Max(weight, WeighPlain(inner, Reading.Bare));
        return weight;
    }

    private static int WeighPlain(string text, Reading reading, bool document = false)
    {
        // Whoever asks about an order quotes it.
        bool asks = reading == Reading.Prose && Asking().In(text);
        int quoted = asks ? 1 : 5, weight = 0;
        if (Leave().In(text)) weight += 5;
        else if (LeaveQuoted().In(text)) weight += document ? 1 : quoted;
        if (Reveal().In(text)) weight += 5;
        if (RevealAsked().In(text)) weight += 5;
        if (Become().In(text)) weight += 5;
        if (Unbound().In(text)) weight += asks ? 2 : 4;
        if (NewOrders().Count(text) is var orders and > 0) weight += asks ? 2 : orders > 1 ? 6 : 4;
        if (Marks().In(text)) weight += quoted;
        if (SoftMarks().In(text)) weight += asks ? 1 : 4;
        if (SendOut().In(text)) weight += asks ? 2 : 5;
        if (DecodeAndObey().In(text)) weight += asks ? 2 : 5;
        if (PromptLanguages.Weigh(text) is var foreign and > 0) weight += asks ? Math.Min(foreign, 2) : foreign;
        return weight;
    }

    private static string Unleet(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (char c in text)
            plain.Append(c switch { '0' => 'o', '1' => 'i', '3' => 'e', '4' or '@' => 'a', '5' or '$' => 's', '7' => 't', '!' => 'i', '|' => 'l', '8' => 'b', '9' => 'g', _ => c });
        return plain.ToString();
    }

    private static string Reversed(string text)
    {
        char[] chars = text.ToCharArray();
        Array.Reverse(chars);
        return new(chars);
    }

    private static string Rot13(string text) => string.Concat(text.Select(c => c switch
    {
        >= 'a' and <= 'z' => (char)('a' + (c - 'a' + 13) % 26),
        >= 'A' and <= 'Z' => (char)('A' + (c - 'A' + 13) % 26),
        _ => c,
    }));

    private static string? FromHex(string hex)
    {
        string digits = Separators().Replace(hex.Replace("0x", "", StringComparison.Ordinal).Replace("\\x", "", StringComparison.Ordinal), "");
        if (digits.Length % 2 != 0) digits = digits[..^1];
        byte[] bytes = Convert.FromHexString(digits);
        return bytes.All(b => b is >= 0x20 and < 0x7F or (byte)'\n') ? Encoding.ASCII.GetString(bytes) : null;
    }

    private static int WeighRun(string letters) => Run().In(letters) ? Sign.Alarm : 0;

    private const string Begin = @"(?:^|[.!?:;,\n\r\-–—*#>\]\)\(|/]|\b(?:please|pls|now|then|must|should|shall|and|first|instead|just|kindly|simply|to|can you|could you|would you|will you|i want you to|you need to|you have to|so|but|also|but first|okay|ok|hey|hello|hi|assistant|ai|chatgpt|bot)\b)\s*";
    private const string Quote = @"[""'`“”‘’«»]\s*";
    private const string Verbs = @"(?:ignore|disregard|forget|override|overrule|bypass|skip|neglect|overlook|discard|drop|abandon|cancel|delete|erase|reset|clear|dismiss|violate|break|do\s+not\s+(?:follow|obey|adhere\s+to|comply\s+with)|don'?t\s+(?:follow|obey)|stop\s+(?:following|obeying)|pay\s+no\s+attention\s+to|set\s+aside|throw\s+(?:away|out)|no\s+longer\s+follow)";
    private const string Mine = @"(?:previous(?:ly)?|prior|above|earlier|preceding|foregoing|existing|original|initial|former|your|system|safety|content|past|last)";
    private const string Whose = @"(?:all|any|every|everything|the|these|those|current|whatever|what)";
    /// <summary>What only a model is given, and what other things have, too.</summary>
    private const string Orders = @"(?:instructions?|prompts?|guidelines?|guidance|directives?|programming|training|safeguards?|guardrails?|told|said|system\s+message)";
    private const string Rules = @"(?:rules?|directions?|constraints?|polic(?:y|ies)|restrictions?|orders|protocols?|limitations?|ethics|filters?|content)";
    private const string Which = @"(?:" + Mine + @"\s+(?:[\w'-]+[\s,]+){0,5}?(?:" + Orders + "|" + Rules + @")\b|" + Whose + @"\s+(?:[\w'-]+[\s,]+){0,5}?" + Orders + @"\b|" + Whose + @"\s+(?:of\s+)?(?:the\s+|these\s+)?" + Rules + @"\s*(?:[.,;!]|and\b|above\b|$)|(?:the\s+|these\s+|all\s+)?(?:" + Orders + "|" + Rules + @")\s+(?:(?:that\s+)?(?:came\s+|you\s+(?:were|have\s+been|got)\s+|were\s+)?(?:given|above|before|so\s+far|previously|earlier|told)))";

    [GeneratedRegex(Begin + Verbs + @"\s+(?:(?:of|about|to)\s+)?(?:\w+[\s,]+){0,3}?" + Which, Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Leave();

    [GeneratedRegex(Quote + Verbs + @"\s+(?:\w+\s+){0,3}?" + Which, Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex LeaveQuoted();

    [GeneratedRegex(
        Begin + @"(?:reveal|show|print|repeat|output|display|tell|give|leak|expose|dump|write|recite|list|share|disclose|translate|summari[sz]e|echo|return|spell|quote|copy|paste|provide|describe|say|type|encode|convert)\s+(?:(?:out|down|back|me|us|to\s+me|verbatim)\s+){0,2}(?:(?:all|the|your|of|exact|full|complete|entire|whole|contents?|text|every|word\s+of|me|us)\s+){0,5}(?:(?:system|hidden|initial|secret|internal|original|developer|pre-?|confidential|underlying|base|custom|setup)[\s-]*){1,3}(?:prompts?|instructions?|messages?|rules|guidelines|directives?|configuration|preamble)\b"
        + "|" + Begin + @"(?:repeat|print|output|copy|write|recite|echo|say)\s+(?:out\s+|back\s+)?(?:everything|all(?:\s+of)?(?:\s+the)?(?:\s+(?:text|words))?|the\s+(?:text|words|content|sentences?|lines?)|what(?:ever)?(?:\s+is|\s+was)?)\s+(?:\w+\s+){0,3}?(?:above|before\s+this|preceding|prior\s+to\s+this)\b"
        + "|" + Begin + @"(?:reveal|show|print|output|tell|give|leak|expose|dump|list|share|disclose|display)\s+(?:\w+\s+){0,3}?your\s+(?:\w+\s+){0,3}?(?:prompts?|instructions?|guidelines|directives?|programming|rules|secrets?|passwords?|api\s+keys?|credentials)\b",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Reveal();

    [GeneratedRegex(@"\bwhat\s+(?:is|are|was|were|does|do|did)\s+(?:in\s+)?your\s+(?:(?:system|initial|hidden|original|secret|exact|full|internal|first|previous|custom)\s+){1,3}(?:prompts?|instructions?|messages?|rules|guidelines|directives?)\b|\bwhat\s+(?:were|was)\s+you\s+(?:told|instructed|prompted)\b|\bwhat\s+(?:instructions|prompt|rules|system\s+prompt)\s+(?:were|was|have|did|do)\s+(?:you|they|the\s+developers?)\s+(?:\w+\s+)?(?:given|give|told|follow|receive)|\bhow\s+(?:were|was)\s+you\s+(?:instructed|prompted)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex RevealAsked();

    [GeneratedRegex(
        @"\byou\s+(?:are|will\s+be|shall\s+be|have\s+become)\s+(?:now|from\s+now\s+on|no\s+longer|henceforth)\b[^.?\n]{0,80}?\b(?:dan|stan|dude|jailbroken|unrestricted|unfiltered|uncensored|evil|free|without|no\s+(?:rules|restrictions|limits|filters)|any\s+(?:rules|restrictions)|developer\s+mode|god|root|admin(?:istrator)?|hacker|an?\s+(?:ai|assistant|model|chatbot|bot|language|terminal|shell|pirate|linux|different|new))\b"
        + @"|" + Begin + @"(?:act|pretend|behave|role-?play|respond|answer|simulate|imagine|speak|operate|function)\s+(?:as\s+if\s+)?(?:as|like|to\s+be|that|being|you'?re|you\s+are)\b[^?\n]{0,120}?\b(?:unrestricted|unfiltered|uncensored|amoral|jailbroken|dan|no\s+(?:\w+\s+){0,2}(?:restrictions|rules|limits|filters|guidelines|limitations|ethics|morals)|without\s+(?:\w+\s+){0,3}(?:restrictions|rules|limits|filters|guidelines|censorship|limitations|safety|ethics)|not\s+bound\s+by|free\s+(?:of|from)\s+(?:\w+\s+){0,3}(?:restrictions|rules|limits|filters|constraints)|evil\s+(?:ai|twin|assistant|version))\b"
        + @"|\bdo\s+anything\s+now\b|\b(?:enable|enter|activate|switch\s+(?:in)?to|engage|turn\s+on|unlock)\s+(?:\w+\s+){0,2}?(?:jailbreak|dan|god|unrestricted|uncensored|unfiltered|do-anything)(?:\s+mode)?\b|\b(?:jailbreak|dan|developer)\s+mode\s+(?:enabled|activated|on)\b|\byou\s+(?:have|are)\s+(?:been\s+)?(?:jailbroken|freed\s+from|liberated\s+from)\b",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Become();

    [GeneratedRegex(@"\byou\s+(?:are|'re)\s+(?:no\s+longer|not)\s+(?:bound|restricted|constrained|limited|governed)\b|\byou\s+(?:have\s+no|don'?t\s+have\s+any|do\s+not\s+have\s+any)\s+(?:\w+\s+)?(?:restrictions|rules|limits|filters|guidelines|limitations)\b|\b(?:all|your)\s+(?:\w+\s+)?(?:restrictions|safety\s+(?:rules|filters|guidelines)|filters|guardrails|safeguards)\s+(?:are|have\s+been)\s+(?:now\s+)?(?:lifted|removed|disabled|off|suspended|void)\b|\b(?:disable|turn\s+off|remove|deactivate)\s+(?:all\s+|your\s+|any\s+){1,2}(?:\w+\s+)?(?:restrictions|filters?|guardrails|safeguards|censorship|safety\s+\w+)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Unbound();

    [GeneratedRegex(@"\b(?:your|here\s+are\s+(?:your|the))\s+(?:new|real|actual|true|updated|only)\s+(?:instructions?|role|task|rules|goal|objective|job|purpose|directives?|orders|system\s+prompt)\s*(?:is|are|:|now)|\bfrom\s+now\s+on,?\s+(?:you|your|only|respond|answer|all\s+(?:your\s+)?(?:answers|responses))\b|(?:^|[\n.:>*#\]])\s*(?:new|updated|real|important|urgent|override|additional|admin|secret)\s+(?:system\s+)?(?:instructions?|directives?|orders|prompt|rules)\s*:|\b(?:instead|only)\s+(?:respond|reply|answer|say|output|print)\s+(?:only\s+)?(?:with|exactly|the\s+(?:word|phrase|text|following))\b|\b(?:the\s+)?(?:following|next)\s+(?:instructions?|text|message)\s+(?:overrides?|supersedes?|replaces?|takes?\s+precedence)|\b(?:supersedes?|overrides?|takes?\s+precedence\s+over)\s+(?:all\s+|any\s+|your\s+)(?:the\s+|your\s+|of\s+)?(?:\w+\s+)?(?:instructions|rules|prompts|guidelines|policies)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex NewOrders();

    /// <summary>Tokens that models are trained to take for the marks of turns.</summary>
    [GeneratedRegex(@"<\|\s*(?:im_start|im_end|im_sep|system|user|assistant|endoftext|endofprompt|begin_of_text|end_of_text|eot_id|eom_id|start_header_id|end_header_id|channel|message|tool)\s*\|?>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>\s*\[INST|\|\|\s*system\s*\|\||\[/?(?:system|assistant)\s*(?:message|prompt)?\](?:\s*\(#)?|\{\s*[""']role[""']\s*:\s*[""'](?:system|developer|assistant)[""']", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Marks();

    [GeneratedRegex(@"(?:^|\n)\s*(?:#{1,6}\s*|\*{1,3}|-{2,}\s*|={2,}\s*|\[)?\s*(?:system|assistant|developer|admin(?:istrator)?)(?:\s+(?:prompt|message|note|override|instructions?))?\s*(?:\*{1,3}|\])?\s*(?::|>|={2,}|-{2,})\s*\S|</?(?:system|assistant|instructions?|system_prompt|prompt|user_query|user_input|context|retrieved_documents|admin|developer|important|secret_instructions)>|-{2,}\s*(?:begin|end|start)\s+(?:of\s+)?(?:\w+\s+)?(?:system|prompt|context|instructions?|document|user|input|conversation)\b[^\n]{0,20}-{2,}|\b(?:begin|end)\s+(?:of\s+)?(?:system|developer|hidden)\s+(?:prompt|message|instructions?)\b|\bend\s+of\s+(?:the\s+)?(?:context|document|user\s+input|retrieved\s+text)\b\s*[.:\])-]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SoftMarks();

    [GeneratedRegex(
        @"\b(?:send|post|e-?mail|forward|upload|exfiltrate|transmit|submit|append|leak|copy|deliver|report)\b[^.\n]{0,80}?\b(?:conversation|chat\s+history|(?:system\s+)?prompt|(?:whole|full|entire|this|your)\s+context|all\s+(?:the\s+)?documents|passwords?|api\s+keys?|secrets|credentials|user\s+data|everything)\b[^\n]{0,60}?\b(?:to|at|into|via|using)\s+(?:the\s+(?:url|address|server|site|endpoint)\s+)?(?:https?://|\S{1,40}@\S{1,60}\.\w|\w[\w.-]{2,60}\.(?:com|net|org|io|example|test|ru|xyz|site)\b)|!\[[^\]\n]{0,60}\]\(https?://[^)\n]{0,200}?(?:[?&]\w{1,20}=|/)\s*[{<\[$%](?:[^)\n]{0,60})\)?",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SendOut();

    [GeneratedRegex(@"\b(?:decode|decrypt|decipher|unscramble|translate|convert|de-?obfuscate|read)\b[^\n]{0,120}?\b(?:base\s?64|rot\s?13|hex(?:adecimal)?|binary|caesar|morse|cipher|backwards?|reversed?|encoded|acrostic)\b[^\n]{0,160}?\b(?:follow|execute|obey|comply|carry\s+out|perform|run|do\s+(?:what|as|it)|act\s+on)\b|\b(?:follow|execute|obey|comply\s+with|carry\s+out|perform|run|do)\b[^\n]{0,80}?\b(?:base\s?64|rot\s?13|hex|encoded|reversed?|backwards|hidden|decoded)\b[^\n]{0,60}?\b(?:instructions?|commands?|message|orders|text)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex DecodeAndObey();

    /// <summary>Asks about something, as a sentence does that begins with a question word or a verb of asking.</summary>
    [GeneratedRegex(@"^\s*(?:so|and|but|hi|hello)?[\s,]*(?:what|how|why|when|where|which|who|whose|is|are|was|were|does|do|did|has|have|can\s+(?:i|we|an?|the|it|this|users?)|could\s+(?:i|we|an?)|should|explain|define|describe|compare|in\s+(?:which|what)|under\s+what|to\s+what|was|warum|wie|wer|wo|wann|quel|comment|pourquoi|qu[eé]|c[oó]mo)\b(?!\s+(?:you|your)\b)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Asking();

    [GeneratedRegex(@"\b(?:[a-z][ ._*\-]{1,2}){5,}[a-z]\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Spaced();

    [GeneratedRegex(@"[^a-z0-9]+", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Separators();

    [GeneratedRegex(@"(?:ignore|disregard|forget|override|bypass)(?:all|any|the|your|my|previous|prior|above|earlier|of|system|safety){1,5}(?:instructions?|rules?|prompts?|guidelines?|directives?)|(?:reveal|show|print|repeat|output|tell)(?:me|us|the|your|all|full|entire){0,4}(?:system|hidden|secret|initial)(?:prompt|instructions|message)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Run();

    /// <summary>Digits and signs within words, twice at least.</summary>
    [GeneratedRegex(@"[a-z][0134579@$!|8][a-z].*[a-z][0134579@$!|8][a-z0134579]|\b[0134579@$!][a-z]\w*\b.*[a-z][0134579@$!]", Patterns.Options | RegexOptions.Singleline, Patterns.TimeoutMs)]
    private static partial Regex Leet();

    /// <summary>Words that only stand in a text that is written backwards.</summary>
    [GeneratedRegex(@"snoitcurtsni|tpmorp|selur|suoiverp|erongi|tegrof|drager|laever|senilediug", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Turned();

    /// <summary>The same for thirteen letters on: ignore, instructions, prompt, previous, disregard, reveal, system.</summary>
    [GeneratedRegex(@"\b(?:vtaber|vafgehpgvbaf?|cebzcg|cerivbhf|qvfertneq|erirny|flfgrz|sbetrg|ehyrf)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Rotated();

    [GeneratedRegex(@"\b(?:(?:0x|\\x)?[0-9a-f]{2}[\s,:]?){20,2000}", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Hex();
}
