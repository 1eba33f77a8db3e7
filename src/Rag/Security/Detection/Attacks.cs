using Rag.Access;

namespace Rag.Security.Detection;

/// <summary>The patterns of attack and who looks for each.</summary>
internal static class Attacks
{
    private static readonly (string Pattern, Func<string, Reading, int> Weigh)[] All =
    [
        (SecurityPattern.SqlInjection, SqlInjection.Weigh), (SecurityPattern.CrossSiteScripting, CrossSiteScripting.Weigh), (SecurityPattern.PathTraversal, PathTraversal.Weigh),
        (SecurityPattern.RemoteInclusion, RemoteInclusion.Weigh), (SecurityPattern.CommandInjection, CommandInjection.Weigh), (SecurityPattern.TemplateInjection, TemplateInjection.Weigh),
        (SecurityPattern.XmlEntity, XmlEntity.Weigh), (SecurityPattern.QueryInjection, QueryInjection.Weigh), (SecurityPattern.HeaderInjection, HeaderInjection.Weigh),
    ];

    /// <summary>Names of a query that hold a question; it is looked at as one, and not as a part of an address.</summary>
    private static readonly string[] QuestionNames = ["q", "question", "query", "title"];

    /// <summary>Signs in a question, the gravest of each pattern.</summary>
    public static IReadOnlyList<Sign> InQuestion(string text)
    {
        var signs = new List<Sign>();
        var reading = Readings.Of(Views.Fold(text));
        var views = Views.Of(text);
        Look(views, reading, signs);
        int prompt = views.Max(v => PromptInjection.Weigh(v, reading));
        if (HiddenMarks.Weigh(text) is var marks && marks > prompt) prompt = marks;
        if (prompt > 0) signs.Add(new(SecurityPattern.PromptInjection, prompt));
        return signs;
    }

    /// <summary>Signs in path, query and headers of a request.</summary>
    public static IReadOnlyList<Sign> InRequest(RequestSignal request)
    {
        var signs = new List<Sign>();
        int question = request.Target.IndexOf('?', StringComparison.Ordinal);
        string path = question < 0 ? request.Target : request.Target[..question];
        var paths = Views.Of(path);
        Look(paths, Reading.Request, signs);
        foreach (string pair in question < 0 ? [] : request.Target[(question + 1)..].Split('&').Take(64))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            string name = Uri.UnescapeDataString(equals < 0 ? pair : pair[..equals]);
            // The name goes with its value: some attacks lie in the name, and what an address is for is in it.
            if (QuestionNames.Contains(name)) continue;
            Look(Views.Of(pair, form: true), Reading.Request, signs);
            if (equals >= 0) Look(Views.Of(pair[(equals + 1)..], form: true), Reading.Request, signs);
        }
        foreach (var (name, value) in request.Headers)
        {
            if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase)) signs.Add(new(SecurityPattern.MalformedRequest, Sign.Alarm));
            // Browsers send where they come from; of that address only what runs somewhere counts.
            bool address = name.Equals("Referer", StringComparison.OrdinalIgnoreCase) || name.Equals("Origin", StringComparison.OrdinalIgnoreCase);
            foreach (var sign in Found(Views.Of(value), address ? Reading.Bare : Reading.Request))
                if (!address || sign.Pattern is not SecurityPattern.RemoteInclusion) Keep(signs, sign);
        }
        if (ScannerSigns.WeighAgent(request.UserAgent) is var agent and > 0) Keep(signs, new(SecurityPattern.Scanner, agent));
        if (ScannerSigns.WeighMethod(request.Method) is var method and > 0) Keep(signs, new(SecurityPattern.Scanner, method));
        if (!request.Known && paths.Max(ScannerSigns.WeighPath) is var probe and > 0) Keep(signs, new(SecurityPattern.Scanner, probe));
        return signs;
    }

    private static void Look(IReadOnlyList<string> views, Reading reading, List<Sign> signs)
    {
        foreach (var sign in Found(views, reading)) Keep(signs, sign);
    }

    private static IEnumerable<Sign> Found(IReadOnlyList<string> views, Reading reading)
    {
        foreach (var (pattern, weigh) in All)
        {
            int weight = 0;
            foreach (string view in views) weight = Math.Max(weight, weigh(view, reading));
            if (weight > 0) yield return new(pattern, weight);
        }
    }

    private static void Keep(List<Sign> signs, Sign sign)
    {
        int at = signs.FindIndex(s => s.Pattern == sign.Pattern);
        if (at < 0) signs.Add(sign);
        else if (signs[at].Weight < sign.Weight) signs[at] = sign;
    }
}
