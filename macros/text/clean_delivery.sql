{# R7: a delivery with clean parts; null if all are empty. #}
{% macro clean_delivery(delivery) -%}
    {{ return(adapter.dispatch('clean_delivery')(delivery)) }}
{%- endmacro %}

{% macro duckdb__clean_delivery(delivery) -%}
    case
        when coalesce(
            {{ clean_text(delivery ~ '.name') }},
            {{ trim_text(delivery ~ '.email_address') }},
            {{ trim_text(delivery ~ '.mobile_phone') }}
        ) is not null then struct_pack(
            name := {{ clean_text(delivery ~ '.name') }},
            email := {{ trim_text(delivery ~ '.email_address') }},
            phone_number := {{ trim_text(delivery ~ '.mobile_phone') }}
        )
    end
{%- endmacro %}
