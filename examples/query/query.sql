-- Of every customer who ordered: the latest order, and what it came to; largest first.
SELECT c.name,
       (SELECT o.placed
          FROM orders o
         WHERE o.customer = c.id
         ORDER BY o.placed DESC, o.id DESC
         LIMIT 1) AS latest,
       (SELECT sum(i.price * i.amount)
          FROM items i
         WHERE i.order_id = (SELECT o.id
                               FROM orders o
                              WHERE o.customer = c.id
                              ORDER BY o.placed DESC, o.id DESC
                              LIMIT 1)) AS total
  FROM customers c
 WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)
 ORDER BY total DESC, c.name
