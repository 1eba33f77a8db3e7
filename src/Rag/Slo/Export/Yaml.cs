using System.Globalization;

namespace Rag.Slo.Export;

/// <summary>The little of YAML that the exported files need.</summary>
internal static class Yaml
{
    /// <summary>A scalar in single quotes, in which nothing but the quote itself has a meaning (YAML 1.2, 7.3.2).</summary>
    public static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Every line moved to the right; empty lines stay empty.</summary>
    public static string Indented(string text, int spaces) =>
        string.Join('\n', text.Split('\n').Select(line => line.Length == 0 ? line : new string(' ', spaces) + line));

    /// <summary>A number as PromQL reads it: no exponent, no digits that only binary fractions have (1 - 0.999 is 0.001).</summary>
    public static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
