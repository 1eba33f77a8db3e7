using System.Text.RegularExpressions;

namespace Rag.Tests.Slo;

/// <summary>
/// A case of <c>deploy/prometheus/tests/</c>, as far as these tests look at it: what has data, and what is said to fire at each
/// time. promtool reads the files as YAML; here it is enough that they are written line by line as they are.
/// </summary>
internal sealed partial record PromtoolCase(string Name, IReadOnlySet<string> Metrics, IReadOnlyList<IReadOnlySet<string>> Firing)
{
    private const string Folder = "prometheus/tests";

    public static IReadOnlyList<string> Files() => [.. Directory.EnumerateFiles(Deploy.File(Folder), "*.yml").Order(StringComparer.Ordinal)];

    public static IReadOnlyList<PromtoolCase> All() => [.. Files().SelectMany(file => Cases(File.ReadAllText(file)))];

    /// <summary>Cases of a file; a list of alerts that <c>&amp;name</c> marks is used again as <c>*name</c>.</summary>
    private static IEnumerable<PromtoolCase> Cases(string text)
    {
        var marked = new Dictionary<string, IReadOnlySet<string>>();
        foreach (string part in text.Split("\n  - name: ").Skip(1))
        {
            var lists = new List<IReadOnlySet<string>>();
            // An item of promql_expr_test begins at column 6 with its time, as one of alert_rule_test does.
            foreach (Match item in Item().Matches(part))
            {
                if (!item.Value.Contains("firing", StringComparison.Ordinal)) continue;
                var samples = Samples().Match(item.Value);
                if (!samples.Success) throw new FormatException($"No exp_samples: {item.Value}");
                if (samples.Groups["use"].Success)
                {
                    lists.Add(marked[samples.Groups["use"].Value]);
                    continue;
                }
                IReadOnlySet<string> names = AlertName().Matches(item.Value[samples.Index..]).Select(m => m.Groups[1].Value).ToHashSet();
                lists.Add(names);
                if (samples.Groups["mark"].Success) marked[samples.Groups["mark"].Value] = names;
            }
            yield return new(part[..part.IndexOf('\n', StringComparison.Ordinal)], Series().Matches(part).Select(m => m.Groups[1].Value).ToHashSet(), lists);
        }
    }

    [GeneratedRegex(@"^      - (?:\{ )?eval_time: .*\n(?:        .*\n)*", RegexOptions.Multiline)]
    private static partial Regex Item();

    [GeneratedRegex(@"exp_samples:(?: &(?<mark>[\w-]+)| \*(?<use>[\w-]+))?")]
    private static partial Regex Samples();

    [GeneratedRegex("alertname=\"(\\w+)\"")]
    private static partial Regex AlertName();

    [GeneratedRegex(@"series: '(\w+)")]
    private static partial Regex Series();
}
