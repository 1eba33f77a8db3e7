using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.Foundation;

/// <summary>A mistake in the configuration: the key, what is wrong with its value, and the remedy.</summary>
internal sealed record ConfigurationError(string Key, string Problem, string Remedy)
{
    public override string ToString() => $"{Key}: {Problem}; {Remedy}.";
}

/// <summary>A configuration value and where it comes from: default, file, environment or flag.</summary>
/// <param name="Unit">Where the key's name ends in one; null where it does not.</param>
/// <param name="Default">What holds where nobody sets it.</param>
public sealed record ConfigurationValue(string Key, string? Value, string? Unit, string From, string? Default);

/// <summary>Options that name their section and report every mistake in it.</summary>
internal interface IValidatedOptions
{
    string Section { get; }

    IEnumerable<ConfigurationError> Validate();
}

/// <summary>All mistakes of a configuration at once.</summary>
internal sealed class ConfigurationException(IReadOnlyList<ConfigurationError> errors)
    : Exception("The configuration has " + (errors.Count == 1 ? "a mistake" : $"{errors.Count} mistakes") + ":\n  " + string.Join("\n  ", errors))
{
    public IReadOnlyList<ConfigurationError> Errors { get; } = errors;
}

/// <summary>
/// The sections that the slices own. Each registers its options here; at start-up every section is bound and
/// checked, so that all mistakes, unknown keys included, are reported together before anything runs.
/// </summary>
internal sealed partial class ConfigurationSections(IConfiguration configuration)
{
    private const string Set = "(set)";

    /// <summary>As the names of keys end, the longer first.</summary>
    private static readonly IReadOnlyList<(string End, string Unit)> Units =
    [
        ("PerMinute", "a minute"), ("PerDay", "a day"), ("Minutes", "minutes"), ("Seconds", "s"), ("Hours", "h"), ("Days", "days"), ("Years", "years"), ("Ms", "ms"), ("PartMb", "MB"), ("Mb", "MiB"),
        ("Bytes", "bytes"), ("Chars", "characters"), ("Tokens", "tokens"),
    ];

    private readonly List<(string Section, IValidatedOptions Options)> _sections = [];
    private readonly List<ConfigurationError> _errors = [];

    public IEnumerable<(string Section, IValidatedOptions Options)> All => _sections;

    /// <summary>What the sections are bound from.</summary>
    public IConfiguration Configuration => configuration;

    public T Bind<T>() where T : class, IValidatedOptions, new()
    {
        var options = new T();
        var section = configuration.GetSection(options.Section);
        Bind(section, options);
        _sections.Add((options.Section, options));
        return options;
    }

    /// <summary>Every key with its value and, through <paramref name="sourceOf"/>, where that comes from; of secrets only that they are set.</summary>
    public IEnumerable<ConfigurationValue> Effective(Func<string, string> sourceOf) => _sections.SelectMany(s => Effective(s.Section, s.Options, Activator.CreateInstance(s.Options.GetType())!, sourceOf));

    private static IEnumerable<ConfigurationValue> Effective(string path, object options, object defaults, Func<string, string> sourceOf)
    {
        foreach (var property in options.GetType().GetProperties().Where(p => p is { CanWrite: true, CanRead: true }).OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            string key = $"{path}:{property.Name}";
            object? value = property.GetValue(options);
            if (IsNested(property.PropertyType))
            {
                foreach (var inner in Effective(key, value!, property.GetValue(defaults)!, sourceOf)) yield return inner;
                continue;
            }
            string? unit = Units.FirstOrDefault(u => property.Name.EndsWith(u.End, StringComparison.Ordinal) && IsNumber(property.PropertyType)).Unit;
            yield return new(key, Shown(property.Name, value), unit, sourceOf(key), Shown(property.Name, property.GetValue(defaults)));
        }
    }

    private static string? Shown(string name, object? value) => value switch
    {
        null => null,
        _ when name is "ApiKey" or "Password" or "Secret" or "ConnectionString" => Set,
        string text => WithoutSecrets(name, text),
        System.Collections.IEnumerable list => string.Join(' ', list.Cast<object>()),
        IFormattable formattable => formattable.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    /// <summary>An address may say who comes (RFC 3986, 3.2.1) or hold a token in its query; whoever knows the path of a webhook may write to it.</summary>
    private static string WithoutSecrets(string name, string text)
    {
        if (!text.Contains("://", StringComparison.Ordinal)) return text;
        text = QueryOfAddress().Replace(UserOfAddress().Replace(text, $"://{Set}@"), $"$1?{Set}");
        return name == "Webhook" ? PathOfAddress().Replace(text, $"$1/{Set}") : text;
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"://[^/?#\s]*@")]
    private static partial System.Text.RegularExpressions.Regex UserOfAddress();

    [System.Text.RegularExpressions.GeneratedRegex(@"(://[^?\s]*)\?\S+")]
    private static partial System.Text.RegularExpressions.Regex QueryOfAddress();

    [System.Text.RegularExpressions.GeneratedRegex(@"(://[^/?#\s]+)/\S+")]
    private static partial System.Text.RegularExpressions.Regex PathOfAddress();

    private static bool IsNumber(Type type) => (Nullable.GetUnderlyingType(type) ?? type) is var number && (number == typeof(int) || number == typeof(long) || number == typeof(double));

    private static bool IsNested(Type type) => type.Namespace?.StartsWith("Rag", StringComparison.Ordinal) == true && type.IsClass;

    /// <summary>Throws one <see cref="ConfigurationException"/> with every mistake, or nothing.</summary>
    public void ThrowIfWrong()
    {
        string[] framework = ["Logging", "Kestrel"];
        foreach (var root in configuration.GetChildren())
            if (!framework.Contains(root.Key, StringComparer.OrdinalIgnoreCase) && !_sections.Any(s => s.Section.Equals(root.Key, StringComparison.OrdinalIgnoreCase)))
                _errors.Add(new(root.Path, "is not a known section", $"use one of {string.Join(", ", _sections.Select(s => s.Section).Order())}"));
        var errors = _errors.Concat(_sections.SelectMany(s => s.Options.Validate())).ToList();
        if (errors.Count > 0) throw new ConfigurationException(errors);
    }

    private void Bind(IConfigurationSection section, object target)
    {
        var properties = target.GetType().GetProperties().Where(p => p is { CanWrite: true, CanRead: true })
            .ToDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (!properties.TryGetValue(child.Key, out var property))
            {
                string known = string.Join(", ", properties.Keys.Order());
                _errors.Add(new(child.Path, "is not a known key", $"use one of {known}"));
                continue;
            }
            if (child.GetChildren().Any() && property.GetValue(target) is { } nested && IsNested(property.PropertyType))
            {
                Bind(child, nested);
                continue;
            }
            try
            {
                if (child.Get(property.PropertyType) is { } value) property.SetValue(target, value);
            }
            catch (InvalidOperationException)
            {
                var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
                _errors.Add(new(child.Path, $"'{child.Value}' is not a value of type {type.Name}", $"give a {type.Name}, such as {property.GetValue(target)}"));
            }
        }
    }
}

internal static class ConfigurationSectionsExtensions
{
    /// <summary>Binds and registers a slice's options; the returned instance may be read at once.</summary>
    public static T AddSection<T>(this IServiceCollection services, ConfigurationSections sections) where T : class, IValidatedOptions, new()
    {
        var options = sections.Bind<T>();
        services.AddSingleton(options);
        return options;
    }
}
